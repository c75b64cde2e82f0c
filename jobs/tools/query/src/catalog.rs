//! The queries there are: those built in, and those of a folder that the user names.

use std::path::Path;

pub use model::question::catalog::{BUILT_IN, Catalog, Query, QueryError};

/// The queries built in, and those of `folder`, which take precedence.
///
/// # Errors
/// [`QueryError::File`], [`QueryError::Header`].
pub fn load(folder: Option<&Path>) -> Result<Catalog, QueryError> {
    let mut catalog = Catalog::built_in()?;
    let Some(folder) = folder else { return Ok(catalog) };
    let error = |path: &Path, source| QueryError::File { path: path.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(|e| error(folder, e))? {
        let path = entry.map_err(|e| error(folder, e))?.path();
        let name = path.file_stem().and_then(|s| s.to_str());
        let (Some(name), Some("sql")) = (name, path.extension().and_then(|e| e.to_str())) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(|e| error(&path, e))?;
        catalog.add(name, &path.display().to_string(), text)?;
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_adds_and_takes_precedence() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("runs.sql", "-- purpose: mine\n-- grain: x\nSELECT 1").unwrap();
        write("own.sql", "-- purpose: own\n-- grain: x\n-- param: n int \"n\"\nSELECT :n").unwrap();
        write("note.txt", "no query").unwrap();
        let catalog = load(Some(folder.path())).unwrap();
        assert_eq!(catalog.queries["runs"].header.purpose, "mine");
        assert_eq!(catalog.queries.len(), BUILT_IN.len() + 1);
        let sql = catalog.render("own", &["n=3".to_owned()]).unwrap();
        assert!(sql.ends_with("SELECT 3"));

        write("bad.sql", "SELECT 1").unwrap();
        let error = load(Some(folder.path())).unwrap_err();
        assert!(error.to_string().contains("bad.sql"), "{error}");
    }
}
