//! Zips, lakes and reading back.

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use model::Unit;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use zip::write::SimpleFileOptions;

/// The zip of a unit as the exchange makes it.
pub(crate) fn archive(unit: &Unit, csv: &[u8]) -> Vec<u8> {
    archive_named(&source::binance::archive::file_name(unit).replace(".zip", ".csv"), csv)
}

/// A zip with one member of this name.
pub(crate) fn archive_named(name: &str, csv: &[u8]) -> Vec<u8> {
    archive_of(&[(name, csv)])
}

/// A zip with these members.
pub(crate) fn archive_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The rows of a Parquet file.
pub(crate) fn read(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// The folder of the exchange's real files, or the reason why the test is skipped.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    shared_data(&format!("binance/{part}"))
}

/// The folder of real files of any source, or the reason why the test is skipped.
pub(crate) fn shared_data(part: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
    let folder = std::env::var(model::env::SHARED)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let path = PathBuf::from(folder).join("data").join(part);
    if path.exists() {
        return Some(path);
    }
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "no {}", path.display());
    eprintln!("skipped: no {}", path.display());
    None
}
