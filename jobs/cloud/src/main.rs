//! cloud
fn main() {}
