//! How each gold table is made: which file does it. What each rests on, and their order, is in
//! [`model::derivation`].

use model::schema::Table;

use crate::piece::Piece;
use crate::{anomalies, bars, daily, features, indicators, labels, signals};

/// Makes a table's rows of a symbol, as far as its dirty months change them.
pub(crate) async fn make(table: Table, piece: &mut Piece<'_>) -> anyhow::Result<()> {
    match table {
        Table::Bars => bars::make(piece).await,
        Table::Daily => daily::make(piece).await,
        Table::Indicators => indicators::make(piece).await,
        Table::Anomalies => anomalies::make(piece).await,
        Table::Signals => signals::make(piece).await,
        Table::Features => features::make(piece).await,
        Table::Labels => labels::make(piece).await,
        other => anyhow::bail!("gold does not know how {other} is made"),
    }
}
