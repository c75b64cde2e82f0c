//! What a directory lake does to the disk: what is on it when, and that no link is followed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use store::Lake;
use store::disk::{Event, Watch};

/// What happened, by kind and path below the lake.
#[derive(Debug)]
struct Seen {
    root: PathBuf,
    events: Mutex<Vec<(&'static str, String)>>,
}

impl Watch for Seen {
    fn seen(&self, event: Event<'_>) {
        let (kind, path) = match event {
            Event::Made(path) => ("made", path),
            Event::Synced(path) => ("synced", path),
            Event::Renamed { to, .. } => ("named", to),
            Event::FolderSyncing(path) => ("syncing", path),
            Event::FolderSynced(path) => ("folder", path),
            Event::Removed(path) => ("removed", path),
        };
        let path = path.strip_prefix(&self.root).expect("below the lake").display().to_string();
        self.events.lock().expect("lock").push((kind, path));
    }
}

impl Seen {
    fn take(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.events.lock().expect("lock"))
    }
}

fn open() -> (tempfile::TempDir, Lake, Arc<Seen>) {
    let folder = tempfile::tempdir().expect("lake");
    let root = folder.path().canonicalize().expect("lake");
    let seen = Arc::new(Seen { root, events: Mutex::default() });
    let watch: Arc<dyn Watch> = seen.clone();
    let lake = Lake::open_watched(folder.path().to_str().expect("lake"), watch).expect("lake");
    (folder, lake, seen)
}

/// The place of an event; it must be there.
fn place(events: &[(&'static str, String)], kind: &str, path: &str) -> usize {
    events
        .iter()
        .position(|(k, p)| *k == kind && p == path)
        .unwrap_or_else(|| panic!("no {kind} {path} in {events:#?}"))
}

#[tokio::test]
async fn a_document_is_on_the_disk_before_it_is_acknowledged() {
    let (_folder, lake, seen) = open();
    for (key, anew) in [("a/b/c.json", true), ("a/b/c.json", false), ("a/d.json", true)] {
        if anew {
            assert!(lake.write_new(key, "1").await.unwrap());
        } else {
            lake.write(key, "2").await.unwrap();
        }
        let events = seen.take();
        assert_eq!(events.iter().filter(|(kind, _)| *kind == "synced").count(), 1, "{events:?}");
        let named = place(&events, "named", key);
        let bytes = events.iter().position(|(kind, _)| *kind == "synced").unwrap();
        let folder = place(&events, "folder", key.rsplit_once('/').unwrap().0);
        assert!(bytes < named && named < folder, "{events:?}");
    }
    // the first of a folder brings the folders above it along
    lake.write("x/y/z/1.json", "1").await.unwrap();
    let events = seen.take();
    for folder in ["x/y/z", "x/y", "x", ""] {
        assert!(place(&events, "folder", folder) > place(&events, "named", "x/y/z/1.json"));
    }
    lake.write("x/y/z/2.json", "1").await.unwrap();
    let folders = seen.take().into_iter().filter(|(kind, _)| *kind == "folder").count();
    assert_eq!(folders, 1, "what is on the disk is not synced again");
}

#[tokio::test]
async fn what_a_document_names_is_on_the_disk_before_the_document() {
    let (_folder, lake, seen) = open();
    for n in 0..3 {
        let mut staged = lake.stage().unwrap();
        staged.write_all(b"data").unwrap();
        staged.publish(&format!("data/p={}/{n}.parquet", n % 2)).await.unwrap();
    }
    assert!(seen.take().iter().all(|(kind, _)| *kind != "folder"), "folders are synced together");
    lake.write("log/1.json", "names them").await.unwrap();
    let events = seen.take();
    for folder in ["data/p=0", "data/p=1", "data", ""] {
        let synced = place(&events, "folder", folder);
        assert!(synced < place(&events, "named", "log/1.json"), "{folder}: {events:?}");
    }
}

#[tokio::test]
async fn a_log_that_is_set_aside_is_so_on_the_disk() {
    use model::layout;
    let (folder, lake, seen) = open();
    let (table, run) = (
        model::schema::Table::Trades,
        model::RunId::new("2024-01-01T00:00:00Z".parse().unwrap(), 1),
    );
    lake.write(&layout::log_entry(table, 0), "{}").await.unwrap();
    // something odd in the head's place goes out of the way, too
    std::fs::create_dir(folder.path().join(layout::head(table))).unwrap();
    seen.take();
    store::logs::Logs::new(&lake).set_aside(table, &run).await.unwrap();
    let events = seen.take();
    let to = layout::damaged_log(&run, table);
    let synced = |after: usize, folder: &str| {
        events[after..].iter().any(|(kind, path)| *kind == "folder" && path == folder)
    };
    for name in [format!("{to}-head"), layout::head(table), to] {
        let named = place(&events, "named", &name);
        let parent = name.rsplit_once('/').unwrap().0;
        for folder in [parent, &layout::table(table)] {
            assert!(synced(named, folder), "{name}: {folder} is not synced: {events:#?}");
        }
    }
    let head = place(&events, "named", &layout::head(table));
    assert!(head < place(&events, "named", &layout::damaged_log(&run, table)), "{events:#?}");
}

#[tokio::test]
async fn fragments_come_with_the_next_document() {
    let (_folder, lake, seen) = open();
    let run = model::RunId::new("2024-01-01T00:00:00Z".parse().unwrap(), 1);
    let mut staged = lake.stage().unwrap();
    staged.write_all(b"data").unwrap();
    staged.publish("data/1.parquet").await.unwrap();
    let fragment = model::layout::fragment(&run, "silver", "a/b");
    lake.write(&fragment, "names it").await.unwrap();
    let events = seen.take();
    let named = place(&events, "named", &fragment);
    assert!(place(&events, "folder", "data") < named, "{events:?}");
    assert!(events[..named].iter().filter(|(kind, _)| *kind == "synced").count() == 2);
    assert!(events[named..].iter().all(|(kind, _)| *kind != "folder"), "{events:?}");
    lake.write(&model::layout::plan(&run), "names all").await.unwrap();
    let events = seen.take();
    let folder = fragment.rsplit_once('/').unwrap().0;
    let plan = place(&events, "named", &model::layout::plan(&run));
    assert!(place(&events, "folder", folder) < plan, "{events:?}");
}

#[tokio::test]
async fn documents_that_are_written_together_come_with_the_next_one() {
    let (folder, lake, seen) = open();
    let keys: Vec<String> = (0..600).map(|n| format!("runs/r/batches/{n:03}.json")).collect();
    let numbers: Vec<usize> = (0..600).collect();
    lake.write_all_json(keys.iter().cloned().zip(numbers.clone())).await.unwrap();
    let events = seen.take();
    for key in &keys {
        place(&events, "named", key);
    }
    let count = |wanted: &str| events.iter().filter(|(kind, _)| *kind == wanted).count();
    assert_eq!((count("synced"), count("folder")), (600, 0));
    // several threads do so
    let first = events.iter().position(|(kind, _)| *kind == "named").unwrap();
    let before = events[..first].iter().filter(|(kind, _)| *kind == "synced").count();
    assert!(before >= 8, "the bytes of all are there before the first name: {before}");
    for (key, number) in keys.iter().zip(&numbers) {
        assert_eq!(lake.read(key).await.unwrap(), format!("{number}\n"), "{key}");
    }
    lake.write("runs/r/plan.json", "names them").await.unwrap();
    let events = seen.take();
    let folder_synced = place(&events, "folder", "runs/r/batches");
    assert!(folder_synced < place(&events, "named", "runs/r/plan.json"), "{events:?}");
    // what cannot be written is named
    std::fs::create_dir(folder.path().join("runs/r/batches/9.json")).unwrap();
    let error = lake.write_all_json([("runs/r/batches/9.json".to_owned(), 1)]).await.unwrap_err();
    assert!(error.to_string().contains("runs/r/batches/9.json"), "{error}");
}

#[tokio::test]
async fn who_may_read_a_document_may_read_the_data() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, lake, _) = open();
    lake.write("log/1.json", "names it").await.unwrap();
    let mut staged = lake.stage().unwrap();
    staged.write_all(b"data").unwrap();
    staged.publish("data/1.parquet").await.unwrap();
    let mode = |key: &str| folder.path().join(key).metadata().unwrap().permissions().mode();
    assert_eq!(mode("data/1.parquet"), mode("log/1.json"));
}

#[tokio::test]
async fn what_is_no_file_is_not_written_over() {
    let (folder, lake, _) = open();
    std::fs::create_dir_all(folder.path().join("log/5.json")).unwrap();
    let error = format!("{:?}", lake.write_new("log/5.json", "x").await.unwrap_err());
    assert!(error.contains("a folder stands in the place of") && error.contains("log/5.json"));
    std::os::unix::fs::symlink("nowhere", folder.path().join("log/6.json")).unwrap();
    let error = format!("{:?}", lake.write_new("log/6.json", "x").await.unwrap_err());
    assert!(error.contains("no file stands in the place of"), "{error}");
    lake.write_new("log/7.json", "x").await.unwrap();
    assert!(!lake.write_new("log/7.json", "y").await.unwrap(), "a file is just there already");
}

#[tokio::test]
async fn no_link_is_followed() {
    let (folder, lake, _) = open();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious.parquet"), "x").unwrap();
    lake.write("t/a.parquet", "a").await.unwrap();
    let link = |to: &Path, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    };
    link(outside.path(), "t/away");
    link(&folder.path().join("t"), "t/loop");
    link(Path::new("itself"), "t/itself");
    link(&outside.path().join("precious.parquet"), "t/file.parquet");
    let keys = async |folder: &str| {
        lake.list(folder).await.unwrap().into_iter().map(|e| e.key).collect::<Vec<_>>()
    };
    // a file that is a link is read as the file; folders that are links lead nowhere
    assert_eq!(keys("t").await, ["t/a.parquet", "t/file.parquet"]);
    assert!(lake.folders("t").await.unwrap().is_empty());
    let error = lake.delete("t/away/precious.parquet").await.unwrap_err();
    assert!(format!("{error:?}").contains("lies behind a link"), "{error:?}");
    lake.delete("t/file.parquet").await.unwrap();
    assert_eq!(keys("t").await, ["t/a.parquet"]);
    assert!(outside.path().join("precious.parquet").is_file(), "the link went, not the file");
    // somebody moved a part of the lake to another disk: it is read, and not cleaned
    link(outside.path(), "moved");
    assert_eq!(keys("moved").await, ["moved/precious.parquet"]);
    assert!(lake.list_own("moved").await.unwrap().is_empty());
    assert_eq!(lake.list_own("t/").await.unwrap().len(), 1);
    assert!(lake.list_own("none").await.unwrap().is_empty());
    lake.delete("moved/precious.parquet").await.unwrap_err();
    lake.delete("none/at/all").await.unwrap();
}
