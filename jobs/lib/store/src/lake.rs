//! Opening a lake; reading, writing and listing its objects by key. Large objects are in
//! `staged`, JSON documents in `document`.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use model::layout;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use url::Url;

use crate::directory::{Directory, Followed};
use crate::disk::{self, Disk, Watch};
use crate::once::Once;

/// What can go wrong with the lake's storage.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URI names no place that a lake can be.
    #[error("bad lake `{uri}`, expected a directory, file:///… or s3://bucket/prefix")]
    BadUri {
        /// The URI found.
        uri: String,
    },
    /// The directory has characters that the tables' URLs cannot hold.
    #[error("bad lake `{path}`, expected a path without % and without a backslash")]
    BadPath {
        /// The path found.
        path: String,
    },
    /// The storage refused or did not answer.
    #[error("cannot {action} `{key}` in the lake")]
    Object {
        /// What was tried: `read`, `write`, `list`, `delete`.
        action: &'static str,
        /// The key.
        key: String,
        /// Why.
        source: object_store::Error,
    },
    /// A local file could not be used.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document is not what its place says.
    #[error("`{key}` is no {what}")]
    Document {
        /// The key.
        key: String,
        /// What was expected, such as `plan`.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the object simply is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Object { source: object_store::Error::NotFound { .. }, .. })
    }
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key in the lake.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written, in µs since the epoch.
    pub modified_micros: i64,
    /// The store's mark of this version of it, where it gives one.
    pub etag: Option<String>,
}

/// A lake: a prefix of an object store or a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) objects: Arc<dyn ObjectStore>,
    root: Arc<dyn ObjectStore>,
    url: Url,
    pub(crate) disk: Option<Arc<Disk>>,
    temp: PathBuf,
}

impl Lake {
    /// Opens the lake at `uri`: a directory (made when it is not there), `file:///…` or
    /// `s3://bucket/prefix` (credentials, region and endpoint as the AWS variables say).
    /// `temp` is for spill and staging files; by default inside a directory lake, else the
    /// system's.
    ///
    /// # Errors
    /// [`StoreError::BadUri`], or [`StoreError::File`] when the directory cannot be made.
    pub fn open(uri: &str, temp: Option<&FilePath>) -> Result<Self, StoreError> {
        Self::open_with(uri, temp, &[])
    }

    /// The same; for S3, `options` (named as the AWS variables are, such as `aws_endpoint_url`)
    /// go before the variables. Names that S3 does not know are passed over, as in the
    /// environment.
    ///
    /// # Errors
    /// As [`Lake::open`].
    pub fn open_with(
        uri: &str,
        temp: Option<&FilePath>,
        options: &[(&str, &str)],
    ) -> Result<Self, StoreError> {
        Self::opened(uri, temp, options, None)
    }

    /// Opens a directory of which `watch` is told what happens to its files.
    ///
    /// # Errors
    /// As [`Lake::open`].
    pub fn open_watched(uri: &str, watch: Arc<dyn Watch>) -> Result<Self, StoreError> {
        Self::opened(uri, None, &[], Some(watch))
    }

    fn opened(
        uri: &str,
        temp: Option<&FilePath>,
        options: &[(&str, &str)],
        watch: Option<Arc<dyn Watch>>,
    ) -> Result<Self, StoreError> {
        let bad = || StoreError::BadUri { uri: uri.to_owned() };
        let is_url = uri.contains("://");
        let mut url = if is_url {
            Url::parse(uri).map_err(|_| bad())?
        } else {
            if uri.is_empty() {
                return Err(bad());
            }
            writable(uri)?;
            let path = make_directory(FilePath::new(uri))?;
            Url::from_directory_path(path).map_err(|()| bad())?
        };
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let (root, disk): (Arc<dyn ObjectStore>, _) = match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| bad())?;
                writable(&path.to_string_lossy())?;
                let path = make_directory(&path)?;
                // without links, so that a link below it is told from one above
                url = Url::from_directory_path(&path).map_err(|()| bad())?;
                let disk = Arc::new(Disk::new(path, watch));
                (Arc::new(Directory::new(Arc::clone(&disk))), Some(disk))
            }
            "s3" => {
                let known = |(name, value): &(&str, &str)| {
                    Some((name.parse::<AmazonS3ConfigKey>().ok()?, (*value).to_owned()))
                };
                let builder = options
                    .iter()
                    .filter_map(known)
                    .fold(AmazonS3Builder::from_env(), |b, (key, value)| b.with_config(key, value));
                let s3 = builder.with_url(url.as_str()).build().map_err(|source| {
                    StoreError::Object { action: "open", key: uri.to_owned(), source }
                })?;
                (Arc::new(s3), None)
            }
            _ => return Err(bad()),
        };
        let root: Arc<dyn ObjectStore> = Arc::new(Once(root));
        let prefix = Path::from_url_path(url.path()).map_err(|_| bad())?;
        let temp = match (temp, &disk) {
            (Some(temp), _) => make_directory(temp)?,
            (None, Some(disk)) => make_directory(&disk.path(layout::TEMP))?,
            (None, None) => std::env::temp_dir(),
        };
        Ok(Self {
            objects: Arc::new(PrefixStore::new(Arc::clone(&root), prefix)),
            root,
            url,
            disk,
            temp,
        })
    }

    /// Opens a lake to read it: nothing is made in it, and spill files go to `temp`, by default to
    /// the system's folder for them. The lake may be one that nobody may write.
    ///
    /// # Errors
    /// As [`Lake::open`]; [`StoreError::File`] also where there is no such directory.
    pub fn open_to_read(uri: &str, temp: Option<&FilePath>) -> Result<Self, StoreError> {
        let directory = match uri.split_once("://") {
            None if !uri.is_empty() => Some(PathBuf::from(uri)),
            Some(("file", _)) => Url::parse(uri).ok().and_then(|url| url.to_file_path().ok()),
            _ => None,
        };
        if let Some(path) = directory.filter(|path| !path.is_dir()) {
            let found = if path.exists() { "it is a file" } else { "it is not there" };
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, found);
            return Err(StoreError::File { action: "open the lake's directory", path, source });
        }
        let system = std::env::temp_dir();
        Self::open_with(uri, Some(temp.unwrap_or(&system)), &[])
    }

    /// The lake's URL, with a slash at its end.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The store whose keys are the lake's keys.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// The store that the lake is a prefix of.
    pub fn root(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.root)
    }

    /// The directory, where the lake is one.
    pub fn directory(&self) -> Option<&FilePath> {
        self.disk.as_ref().map(|disk| disk.root())
    }

    /// Where spill and staging files go.
    pub fn temp(&self) -> &FilePath {
        &self.temp
    }

    /// The file of an object, where the lake is a directory.
    pub(crate) fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.disk.as_ref().map(|disk| disk.path(key))
    }

    /// Reads an object whole. For documents: large objects are read through
    /// [`Lake::local_copy`].
    ///
    /// # Errors
    /// [`StoreError::Object`]; see [`StoreError::is_not_found`].
    pub async fn read(&self, key: &str) -> Result<Bytes, StoreError> {
        self.read_version(key, None).await
    }

    /// Reads an object whole, in an older version where one is named. Only a bucket that keeps
    /// versions has any.
    ///
    /// # Errors
    /// [`StoreError::Object`]; see [`StoreError::is_not_found`].
    pub async fn read_version(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Bytes, StoreError> {
        let error = |source| StoreError::Object { action: "read", key: key.to_owned(), source };
        let options =
            GetOptions { version: version.map(ToOwned::to_owned), ..GetOptions::default() };
        let found = self.objects.get_opts(&location(key), options).await.map_err(error)?;
        found.bytes().await.map_err(error)
    }

    /// Reads an object whole; `None` when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Object`] for any other reason.
    pub async fn read_if_there(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self.read(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an object at once; what was there is replaced, and no reader sees a part.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn write(&self, key: &str, bytes: impl Into<Bytes>) -> Result<(), StoreError> {
        let mut options = PutOptions::default();
        if layout::is_followed(key) {
            options.extensions.insert(Followed);
        }
        self.objects
            .put_opts(&location(key), PutPayload::from_bytes(bytes.into()), options)
            .await
            .map(|_| ())
            .map_err(|source| StoreError::Object { action: "write", key: key.to_owned(), source })
    }

    /// Writes an object unless there is one; tells whether it was written.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn write_new(&self, key: &str, bytes: impl Into<Bytes>) -> Result<bool, StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from_bytes(bytes.into());
        match self.objects.put_opts(&location(key), payload, options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(StoreError::Object { action: "write", key: key.to_owned(), source }),
        }
    }

    /// What is known of an object; `None` when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Object`] for any other reason.
    pub async fn head(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        match self.objects.head(&location(key)).await {
            // the store may say a longer key, its prefix included
            Ok(meta) => Ok(Some(Entry { key: key.to_owned(), ..entry(&meta) })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StoreError::Object { action: "read", key: key.to_owned(), source }),
        }
    }

    /// All objects under a folder, in key order.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn list(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = self
            .objects
            .list(Some(&location(folder)))
            .map_ok(|meta| entry(&meta))
            .try_collect()
            .await
            .map_err(|source| StoreError::Object {
                action: "list",
                key: folder.to_owned(),
                source,
            })?;
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    /// Gives what stands in the place of a key, a folder too, another one; tells whether there is
    /// nothing more to move. There is where the lake is no directory, where something stands in
    /// the other place already and where that is on another device.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let Some(disk) = &self.disk else { return Ok(false) };
        let (path, to) = (disk.path(from), disk.path(to));
        if path.symlink_metadata().is_err() {
            return Ok(true);
        }
        if to.symlink_metadata().is_ok() {
            return Ok(false);
        }
        match disk.rename(&path, &to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => Ok(false),
            Err(source) => Err(StoreError::File { action: "move", path, source }),
        }
    }

    /// Whether something that is no file, such as a folder or a link to nothing, stands in the
    /// place of an object.
    pub fn is_in_the_way(&self, key: &str) -> bool {
        self.local_path(key).is_some_and(|path| path.symlink_metadata().is_ok() && !path.is_file())
    }

    /// All objects under a folder that is to be cleaned, in key order: none where the folder is
    /// reached through a link, for what a link leads to is not the lake's to delete.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn list_own(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        if let Some(disk) = &self.disk {
            let path = disk.path(folder.trim_end_matches('/'));
            // something in it, for the folder itself may be the link
            match disk.is_behind_link(&path.join("x")) {
                Ok(false) => {}
                _ => return Ok(Vec::new()),
            }
        }
        self.list(folder).await
    }

    /// The folders directly under a folder, in order, as keys without a slash at their end.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let result =
            self.objects.list_with_delimiter(Some(&location(folder))).await.map_err(|source| {
                StoreError::Object { action: "list", key: folder.to_owned(), source }
            })?;
        let mut folders: Vec<_> =
            result.common_prefixes.into_iter().map(|p| p.as_ref().to_owned()).collect();
        folders.sort();
        Ok(folders)
    }

    /// Deletes an object; one that is not there is fine.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.objects.delete(&location(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => {
                Err(StoreError::Object { action: "delete", key: key.to_owned(), source })
            }
        }
    }

    /// Deletes objects, as many at once as the store can; those that are not there are fine.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub async fn delete_all(
        &self,
        keys: impl IntoIterator<Item = String>,
    ) -> Result<(), StoreError> {
        let locations: Vec<_> = keys.into_iter().map(|key| Ok(location(&key))).collect();
        let mut deleted = self.objects.delete_stream(futures::stream::iter(locations).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => {
                    let key = "some objects".to_owned();
                    return Err(StoreError::Object { action: "delete", key, source });
                }
            }
        }
        Ok(())
    }
}

/// A key as the store takes it: as it is. `Path::from` would encode a `%` in it once more, and
/// objects would lie elsewhere than [`Lake::local_path`] says.
pub(crate) fn location(key: &str) -> Path {
    Path::parse(key).unwrap_or_else(|_| Path::from(key))
}

/// Refuses a path that comes back as another one from a URL.
fn writable(path: &str) -> Result<(), StoreError> {
    if path.contains(['%', '\\']) {
        return Err(StoreError::BadPath { path: path.to_owned() });
    }
    Ok(())
}

fn entry(meta: &object_store::ObjectMeta) -> Entry {
    Entry {
        key: meta.location.as_ref().to_owned(),
        bytes: meta.size,
        modified_micros: meta.last_modified.timestamp_micros(),
        etag: meta.e_tag.clone(),
    }
}

fn make_directory(path: &FilePath) -> Result<PathBuf, StoreError> {
    let error = |source| StoreError::File { action: "make", path: path.to_owned(), source };
    disk::make_folder(path).map_err(error)
}
