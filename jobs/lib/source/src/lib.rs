//! Where market data comes from. All that is particular to a provider lies in its folder: what can
//! be listed and how, how a unit is asked for, what its answers and errors look like, how its bytes
//! become rows, its symbols, its time zone, its defects.
//!
//! Nothing here reads, writes, sleeps or knows the time: plan and bronze ask, and hand over the
//! answers; silver hands over lines.
//!
//! | module | what lives there |
//! |---|---|
//! | [`provider`] | what a provider is to the stages |
//! | [`providers`] | which there are |
//! | [`ask`] | asking a provider something over HTTP |
//! | [`offer`] | what a provider offers of a series |
//! | [`questions`] | units that are asked for page by page, and the answers that are kept |
//! | [`translation`] | lines that are not those of a form, and how they become such |
//! | [`form`] | what a line is: its fields, and the columns made from them |
//! | [`sheet`] | what a line of what is told of companies is |
//! | [`number`], [`rules`], [`rows`] | fields, row rules, columns in memory |
//! | [`calendar`] | when a venue is open |
//! | `currency` | which codes are national currencies |
//! | [`rest`] | what providers that are asked for bars have in common |
//! | [`tail`] | what is asked for that no archive holds yet |
//! | [`limits`] | how much may be asked of a provider, and what was |
//!
//! | provider | what it is | the lake can use it |
//! |---|---|---|
//! | [`binance`] | Binance's public archives | yes |
//! | [`twelvedata`] | Twelve Data's API: what is asked, and what its answers mean | yes |
//! | [`alphavantage`] | Alpha Vantage's API: the same | yes |
//! | [`histdata`] | HistData.com: files of forex bars and ticks that a person has downloaded | yes |

pub mod alphavantage;
pub mod ask;
pub mod binance;
pub mod calendar;
mod currency;
pub mod form;
pub mod histdata;
pub mod limits;
pub mod number;
pub mod offer;
mod periods;
pub mod provider;
pub mod providers;
pub mod questions;
pub mod rest;
pub mod rows;
pub mod rules;
pub mod sheet;
pub mod tail;
pub mod translation;
pub mod twelvedata;

pub use provider::{Packing, Provider, Takes};
pub use providers::Providers;
