//! Columns that a source does not state, figures that it left blank, and files of nothing.

use super::*;

#[test]
fn a_column_that_a_source_states_is_required_in_its_files() {
    let (_folder, lake) = lake();
    let all = Table::Klines.schema().file_columns();
    let at = |name: &str| all.iter().position(|column| column.name == name).unwrap();
    let (count, volume) = (at("trade_count"), at("volume"));
    let numbers = [1];
    let values = |count: Values<'static>| -> Vec<Values<'_>> {
        all.iter()
            .map(|column| match column.kind {
                _ if column.name == "trade_count" => count,
                _ if column.nullable && !column.by_file => Values::Null,
                ColumnType::Timestamp => Values::Micros(&numbers),
                ColumnType::Boolean => Values::ConstBool(true),
                ColumnType::Text => Values::ConstText("x"),
                _ => Values::Decimal64(&numbers),
            })
            .collect()
    };
    let file = |columns: Vec<Column>, count| {
        let mut file = ColumnarFile::with_columns(&lake, Table::Klines, columns, 10).unwrap();
        file.write(1, &values(count)).map(|()| file.finish().unwrap())
    };
    let is_required = |file: &Finished, at: usize| {
        let schema = footer(file).file_metadata().schema_descr_ptr();
        schema.column(at).self_type().get_basic_info().repetition() == Repetition::REQUIRED
    };
    let stated = || all.iter().map(|column| column.stated()).collect();
    let of_one = file(stated(), Values::Long(&[7])).unwrap();
    assert_eq!((is_required(&of_one, count), is_required(&of_one, volume)), (true, false));
    let error = file(stated(), Values::Null).unwrap_err().to_string();
    assert!(error.contains("silver.klines.trade_count: found null"), "{error}");
    // as the table has it
    let of_none = file(all.to_vec(), Values::Null).unwrap();
    assert_eq!((is_required(&of_none, count), is_required(&of_none, volume)), (false, false));
    assert_eq!(of_none.stats["trade_count"].nulls, 1);
}

#[test]
fn an_empty_file_is_refused() {
    let (_folder, lake) = lake();
    let file = ColumnarFile::create(&lake, Table::Klines, 10).unwrap();
    assert!(matches!(file.finish(), Err(WriteError::Empty { table: Table::Klines })));
    let error = super::super::write_batches(&lake, Table::Daily, []).unwrap_err();
    assert!(matches!(error, WriteError::Empty { table: Table::Daily }));
}

#[test]
fn figures_may_be_blank_and_of_sixteen_decimals() {
    let (_folder, lake) = lake();
    let interest = [Some(23_109_737_900_000_000_000_001), None, Some(1)];
    let ratios = [None, Some(424_734_982), Some(-1)];
    let values = |interest: &[Option<i128>]| -> Result<Finished, WriteError> {
        let mut file = ColumnarFile::create(&lake, Table::Metrics, 10)?;
        file.write(
            3,
            &[
                Values::Micros(&[1, 2, 3]),
                Values::Long(&[1, 2, 3]),
                Values::Sparse(interest),
                Values::Null,
                Values::Sparse(&ratios),
                Values::Null,
                Values::Null,
                Values::Sparse(&[Some(1), Some(2), Some(3)]),
                Values::ConstBool(true),
                Values::Null,
                Values::ConstText("abc"),
            ],
        )?;
        file.finish()
    };
    let finished = values(&interest).unwrap();
    let bounds = |column: &str| {
        let stats = &finished.stats[column];
        (stats.min.clone(), stats.max.clone(), stats.nulls)
    };
    let exact = |text: &str| Some(Stat::Decimal(text.to_owned()));
    assert_eq!(
        bounds("open_interest"),
        (exact("0.0000000000000001"), exact("2310973.7900000000000001"), 1)
    );
    assert_eq!(bounds("top_accounts_ratio"), (exact("-0.00000001"), exact("4.24734982"), 1));
    let file = File::open(finished.staged.path()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let read = |column: &str| -> Vec<Option<i128>> {
        let column = batches[0].column_by_name(column).unwrap();
        column.as_primitive::<Decimal128Type>().iter().collect()
    };
    assert_eq!(
        (read("open_interest"), read("top_accounts_ratio")),
        (interest.into(), ratios.into())
    );

    let error = values(&[Some(10_i128.pow(38)), None, None]).unwrap_err().to_string();
    assert_eq!(
        error,
        "rows do not fit silver.metrics.open_interest: found 10000000000000000000000.0000000000000000, \
         expected decimal(38, 16)"
    );
}
