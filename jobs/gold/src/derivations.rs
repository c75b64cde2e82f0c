//! How each gold table is made: which file does it. What each rests on, and their order, is in
//! [`model::derivation`].

use model::derivation;
use model::dirty::Dirty;
use model::schema::Table;
use stage::Meter;

use crate::piece::{Built, Piece, Workshop};
use crate::{anomalies, bars, daily, features, indicators, labels, signals, spreads};

/// Makes all gold tables of a symbol, as far as its dirty months change them.
pub(crate) async fn build(
    workshop: &Workshop,
    dirty: &Dirty,
    meter: &Meter,
) -> anyhow::Result<Built> {
    let mut piece = Piece::new(workshop, dirty, meter);
    for table in derivation::tables() {
        make(table, &mut piece).await?;
    }
    Ok(piece.built())
}

/// Makes a table's rows of a symbol, as far as its dirty months change them.
async fn make(table: Table, piece: &mut Piece<'_>) -> anyhow::Result<()> {
    match table {
        Table::Bars => bars::make(piece).await,
        Table::Daily => daily::make(piece).await,
        Table::Spreads => spreads::make(piece).await,
        Table::Indicators => indicators::make(piece).await,
        Table::Anomalies => anomalies::make(piece).await,
        Table::Signals => signals::make(piece).await,
        Table::Features => features::make(piece).await,
        Table::Labels => labels::make(piece).await,
        other => anyhow::bail!("gold does not know how {other} is made"),
    }
}
