//! What can be asked of the lake, whoever answers (`query` here, Athena in the cloud): named
//! queries, their headers, and their parameters as SQL literals.
//!
//! | module | what lives there |
//! |---|---|
//! | [`header`] | the header of a query file: purpose, grain, parameters |
//! | [`kind`] | the types of parameters |
//! | [`params`] | values of parameters: checked by type, rendered as literals |
//! | [`catalog`] | the queries there are |
//! | [`tables`] | tables by their names in a catalog |

pub mod catalog;
pub mod header;
pub mod kind;
pub mod params;
pub mod tables;

pub use catalog::{Catalog, QueryError};
pub use tables::in_databases;
