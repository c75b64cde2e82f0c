//! The whole lake on the sample exchange, end to end: one program, for each more would link the SQL
//! engine once more. What the tests share lies in the library. The images have a program of their own
//! (`images.rs`), for they take a container engine.

mod asked;
mod changes;
mod closing;
mod companies;
mod damage;
mod datasets;
mod defects;
mod dropped;
mod hostile;
mod kills;
mod object_store;
mod page;
mod pipeline;
mod power;
mod provider;
mod readers;
mod real_files;
mod rebuild;
mod renames;
mod stages;
mod tail;
