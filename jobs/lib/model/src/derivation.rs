//! The gold tables, an entry each: what a table is made from, and with which part of that a symbol is made
//! anew. In the order in which they are made and committed: each may rest on those before it. Gold makes
//! each in a file of its own, `commit`, `check` and `plan` know them from here.

use crate::schema::Table;

/// One gold table.
#[derive(Debug, Clone, Copy)]
pub struct Derivation {
    /// The table.
    pub table: Table,
    /// What it is made from.
    pub inputs: &'static [Input],
}

/// A table that another is made from.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The table.
    pub table: Table,
    /// Which part of it counts where some months of a symbol are made anew.
    pub span: Span,
}

/// A part of what a table has of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Those months alone, and of trades the days beside them.
    Months,
    /// All of it.
    All,
    /// The other months: what is made needs all there is, and those months are made anew with it.
    OtherMonths,
}

const fn months(table: Table) -> Input {
    Input { table, span: Span::Months }
}

const fn all(table: Table) -> Input {
    Input { table, span: Span::All }
}

const fn other_months(table: Table) -> Input {
    Input { table, span: Span::OtherMonths }
}

/// All of them.
pub const ALL: &[Derivation] = &[
    Derivation {
        table: Table::Bars,
        inputs: &[months(Table::Trades), months(Table::AggTrades), months(Table::Klines)],
    },
    Derivation { table: Table::Daily, inputs: &[other_months(Table::Bars)] },
    Derivation { table: Table::Spreads, inputs: &[months(Table::Quotes)] },
    Derivation { table: Table::Indicators, inputs: &[other_months(Table::Bars)] },
    Derivation {
        table: Table::Anomalies,
        inputs: &[other_months(Table::Bars), other_months(Table::Spreads)],
    },
    Derivation {
        table: Table::Signals,
        inputs: &[other_months(Table::Bars), all(Table::Fundamentals)],
    },
    Derivation {
        table: Table::Features,
        inputs: &[
            other_months(Table::Bars),
            other_months(Table::Spreads),
            all(Table::Funding),
            all(Table::Fundamentals),
        ],
    },
    Derivation { table: Table::Labels, inputs: &[other_months(Table::Bars)] },
];

/// Those that every lake with bars has: each commit of gold has made them, from the first version on. One
/// of the others may be missing in a lake that a former version made.
pub const OF_EVERY_LAKE: [Table; 2] = [Table::Bars, Table::Daily];

/// The tables that gold makes, in their order.
pub fn tables() -> impl Iterator<Item = Table> {
    ALL.iter().map(|derivation| derivation.table)
}

/// The tables that gold reads, once each: those of silver first.
pub fn inputs() -> Vec<Table> {
    let mut inputs: Vec<Table> = Vec::new();
    for input in ALL.iter().flat_map(|derivation| derivation.inputs) {
        if !inputs.contains(&input.table) {
            inputs.push(input.table);
        }
    }
    inputs.sort_by_key(|table| tables().any(|made| made == *table));
    inputs
}

/// Whether gold has to make something anew when this table changes.
pub fn feeds(table: Table) -> bool {
    table.zone() == "silver" && spans(table).next().is_some()
}

/// Which parts of a table count for any of those made from it.
pub fn spans(table: Table) -> impl Iterator<Item = Span> {
    let inputs = ALL.iter().flat_map(|derivation| derivation.inputs);
    inputs.filter(move |input| input.table == table).map(|input| input.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gold_table_has_an_entry_and_rests_on_what_stands_before_it() {
        let gold: Vec<Table> = Table::ALL.iter().copied().filter(|t| t.zone() == "gold").collect();
        assert_eq!(tables().collect::<Vec<_>>(), gold);
        for (n, derivation) in ALL.iter().enumerate() {
            for input in derivation.inputs {
                let is_before = ALL[..n].iter().any(|before| before.table == input.table);
                assert!(
                    is_before || input.table.zone() == "silver",
                    "{} of {}",
                    input.table,
                    derivation.table
                );
            }
        }
    }
}
