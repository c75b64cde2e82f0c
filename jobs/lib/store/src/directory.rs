//! A directory as an object store. Reading is the library's; writing goes through [`Disk`], so
//! that it survives a power cut. Nothing behind a link to a folder is deleted, and a listing
//! enters none that it meets: only the folder that is asked for may be reached through one.
//!
//! Keys are those of the library's local store: absolute paths without the first slash.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use tempfile::NamedTempFile;

use crate::disk::Disk;

/// The name of this store in errors.
const NAME: &str = "directory";

/// The store.
#[derive(Debug)]
pub(crate) struct Directory {
    inner: LocalFileSystem,
    disk: Arc<Disk>,
}

impl Directory {
    /// The store of the lake on `disk`.
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self { inner: LocalFileSystem::new(), disk }
    }

    /// The file of a key; only of keys inside the lake.
    fn path(&self, location: &Path) -> Result<PathBuf> {
        let path = self.inner.path_to_filesystem(location)?;
        if path.starts_with(self.disk.root()) {
            return Ok(path);
        }
        Err(failed(io::Error::other(format!("`{}` lies outside of the lake", path.display()))))
    }

    fn folder(prefix: Option<&Path>) -> PathBuf {
        FilePath::new("/").join(prefix.map_or("", |prefix| prefix.as_ref()))
    }

    fn listed(
        prefix: Option<&Path>,
        after: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (folder, after) = (Self::folder(prefix), after.cloned());
        let all = blocking(move || list(&folder, after.as_ref()));
        stream::once(all)
            .flat_map(|all| match all {
                Ok(all) => stream::iter(all.into_iter().map(Ok)).boxed(),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            })
            .boxed()
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "directory {}", self.disk.root().display())
    }
}

fn failed(error: io::Error) -> Error {
    Error::Generic { store: NAME, source: Box::new(error) }
}

pub(crate) fn at(path: &FilePath) -> impl Fn(io::Error) -> Error + '_ {
    move |source| {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path, source: Box::new(source) },
            io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: Box::new(source) },
            _ => failed(io::Error::new(source.kind(), format!("`{path}`: {source}"))),
        }
    }
}

/// Work that may block, on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

/// Says of an object that is put that its name may come onto the disk later, with the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed;

/// Gives an object its name so that whatever was placed before, and it too unless it is
/// followed by another one, is on the disk.
pub(crate) fn place(
    disk: &Disk,
    file: NamedTempFile,
    to: &FilePath,
    anew: bool,
    followed: bool,
) -> Result<PutResult> {
    disk.settle().map_err(at(to))?;
    disk.place(file, to, anew).map_err(|error| {
        // what is no file can never be read, nor be written by anybody else
        if error.kind() == io::ErrorKind::AlreadyExists && !to.is_file() {
            let what = if to.is_dir() { "a folder" } else { "no file" };
            let text = format!("{what} stands in the place of `{}`; move it away", to.display());
            return failed(io::Error::other(text));
        }
        at(to)(error)
    })?;
    if !followed {
        disk.settle().map_err(at(to))?;
    }
    Ok(PutResult { e_tag: None, version: None })
}

#[async_trait]
impl ObjectStore for Directory {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let anew = match options.mode {
            PutMode::Overwrite => false,
            PutMode::Create => true,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "`put_opts` with mode `PutMode::Update`".into(),
                    implementer: self.to_string(),
                });
            }
        };
        let followed = options.extensions.get::<Followed>().is_some();
        let (path, disk) = (self.path(location)?, Arc::clone(&self.disk));
        blocking(move || {
            let mut file = disk.temporary().map_err(at(&path))?;
            payload.iter().try_for_each(|bytes| file.write_all(bytes)).map_err(at(&path))?;
            place(&disk, file, &path, anew, followed)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.path(location)?;
        let file = self.disk.temporary().map_err(at(&path))?;
        Ok(Box::new(Upload {
            disk: Arc::clone(&self.disk),
            path,
            offset: 0,
            file: Arc::new(Mutex::new(Some(file))),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (disk, root) = (Arc::clone(&self.disk), self.disk.root().to_owned());
        locations
            .map(move |location| {
                let (disk, root) = (Arc::clone(&disk), root.clone());
                blocking(move || {
                    let location = location?;
                    let path = LocalFileSystem::new().path_to_filesystem(&location)?;
                    if !path.starts_with(&root) {
                        let text = format!("`{}` lies outside of the lake", path.display());
                        return Err(failed(io::Error::other(text)));
                    }
                    disk.remove(&path).map_err(at(&path))?;
                    Ok(location)
                })
            })
            .buffered(10)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Self::listed(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        Self::listed(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = Self::folder(prefix);
        blocking(move || {
            let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
            look(&folder, None, &mut result.objects, |path| {
                result.common_prefixes.push(Path::from_absolute_path(path)?);
                Ok(())
            })?;
            result.common_prefixes.sort();
            Ok(result)
        })
        .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let anew = matches!(options.mode, CopyMode::Create);
        let (from, to) = (self.path(from)?, self.path(to)?);
        let disk = Arc::clone(&self.disk);
        blocking(move || {
            let mut source = File::open(&from).map_err(at(&from))?;
            let mut file = disk.temporary().map_err(at(&to))?;
            io::copy(&mut source, &mut file).map_err(at(&to))?;
            place(&disk, file, &to, anew, false).map(|_| ())
        })
        .await
    }
}

/// All objects under a folder, links to folders left alone.
fn list(folder: &FilePath, after: Option<&Path>) -> Result<Vec<ObjectMeta>> {
    let mut objects = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        look(&folder, after, &mut objects, |path| {
            folders.push(path.to_owned());
            Ok(())
        })?;
    }
    Ok(objects)
}

/// Goes through one folder; one that is not there is empty, and what goes meanwhile is gone. A
/// link to a file counts as the file, a link to a folder as nothing: it may lead out of the lake
/// or back to itself.
fn look(
    folder: &FilePath,
    after: Option<&Path>,
    objects: &mut Vec<ObjectMeta>,
    mut inside: impl FnMut(&FilePath) -> Result<()>,
) -> Result<()> {
    let gone = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(at(folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let path = entry.path();
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if gone(&error) => continue,
            Err(error) => return Err(at(&path)(error)),
        };
        if kind.is_dir() {
            inside(&path)?;
            continue;
        }
        // names that no key can have are not the lake's, such as what other writers stage
        let Ok(location) = Path::from_absolute_path(&path) else { continue };
        if is_staged(&location) || after.is_some_and(|after| location <= *after) {
            continue;
        }
        let meta = if kind.is_symlink() { std::fs::metadata(&path) } else { entry.metadata() };
        match meta {
            Ok(meta) if meta.is_file() => objects.push(object(location, &meta)?),
            // a link to a folder, to nothing or to itself; a pipe
            Ok(_) => {}
            Err(_) if kind.is_symlink() => {}
            Err(error) if gone(&error) => {}
            Err(error) => return Err(at(&path)(error)),
        }
    }
    Ok(())
}

/// Whether a name is that of a file which the library's local store is writing: `name#1`.
fn is_staged(location: &Path) -> bool {
    let name = location.filename().unwrap_or("");
    name.split_once('#')
        .is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()))
}

/// As the library's local store says it, ETag included.
fn object(location: Path, meta: &Metadata) -> Result<ObjectMeta> {
    let modified = meta.modified().map_err(failed)?;
    let micros =
        modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(meta);
    #[cfg(not(unix))]
    let inode = 0;
    Ok(ObjectMeta {
        location,
        last_modified: modified.into(),
        size: meta.len(),
        e_tag: Some(format!("{inode:x}-{micros:x}-{:x}", meta.len())),
        version: None,
    })
}

/// An object that comes in parts.
#[derive(Debug)]
struct Upload {
    disk: Arc<Disk>,
    path: PathBuf,
    offset: u64,
    /// Gone when it is complete or given up.
    file: Arc<Mutex<Option<NamedTempFile>>>,
}

impl Upload {
    fn ended(&self) -> Error {
        failed(io::Error::other(format!("the upload of `{}` has ended", self.path.display())))
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (offset, file) = (self.offset, Arc::clone(&self.file));
        self.offset += data.content_length() as u64;
        let (path, ended) = (self.path.clone(), self.ended());
        Box::pin(blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let file = file.as_mut().ok_or(ended)?;
            file.seek(SeekFrom::Start(offset)).map_err(at(&path))?;
            data.iter().try_for_each(|bytes| file.write_all(bytes)).map_err(at(&path))
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let file = file.ok_or_else(|| self.ended())?;
        let (disk, path) = (Arc::clone(&self.disk), self.path.clone());
        blocking(move || place(&disk, file, &path, false, false)).await
    }

    async fn abort(&mut self) -> Result<()> {
        drop(self.file.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(())
    }
}
