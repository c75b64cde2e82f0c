//! Writes a page of made-up data into a folder, to be looked at:
//! `cargo run -p page --example sample -- target/page-sample [SYMBOLS]`.

mod made_up;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "target/page-sample".into()));
    let symbols = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(3);
    let page = made_up::page(symbols);
    let files = page::write(&page).map_err(io::Error::other)?;
    for file in files.iter().chain(&page::svg::pictures(&page)) {
        let path = folder.join(&file.name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(&path, &file.bytes)?;
        eprintln!("{:>9} {}", file.bytes.len(), path.display());
    }
    Ok(())
}
