//! Large objects. They are written as a local file first and published whole, so that no reader
//! ever sees a part: on a directory by a rename, on S3 by a multipart upload.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use tempfile::{NamedTempFile, TempPath};

use crate::blocking::blocking;
use crate::disk::{self, Disk};
use crate::lake::{Lake, StoreError, location};

/// Size of the parts of an upload.
const PART: usize = 8 << 20;
/// Objects that are uploaded at once.
const UPLOADS: usize = 8;

/// An object in the making. Dropped without [`Staged::publish`], it leaves nothing behind;
/// killed, it leaves a file in the lake's temporary folder.
#[derive(Debug)]
pub struct Staged {
    lake: Lake,
    file: NamedTempFile,
    bytes: u64,
}

impl Lake {
    /// Starts an object whose key is chosen when it is published.
    ///
    /// # Errors
    /// [`StoreError::File`] when the temporary folder cannot be written.
    pub fn stage(&self) -> Result<Staged, StoreError> {
        let error =
            |source| StoreError::File { action: "write", path: self.temp().to_owned(), source };
        let file = match &self.disk {
            // who may read its documents may read its data
            Some(_) => disk::staged(""),
            None => disk::private(),
        };
        let file = file.tempfile_in(self.temp()).map_err(error)?;
        Ok(Staged { lake: self.clone(), file, bytes: 0 })
    }

    /// A local file with an object's bytes: the object itself where the lake is a directory,
    /// else a copy that is deleted when the value is dropped.
    ///
    /// # Errors
    /// [`StoreError`]; see [`StoreError::is_not_found`].
    pub async fn local_copy(&self, key: &str) -> Result<LocalCopy, StoreError> {
        let object = |source| StoreError::Object { action: "read", key: key.to_owned(), source };
        if let Some(path) = self.local_path(key) {
            self.objects.head(&location(key)).await.map_err(object)?;
            return Ok(LocalCopy { path, _temporary: None });
        }
        let mut result = self.objects.get(&location(key)).await.map_err(object)?.into_stream();
        let mut staged = self.stage()?;
        while let Some(chunk) = result.try_next().await.map_err(object)? {
            let path = staged.file.path().to_owned();
            staged.write_all(&chunk).map_err(|source| StoreError::File {
                action: "write",
                path,
                source,
            })?;
        }
        let temporary = staged.file.into_temp_path();
        Ok(LocalCopy { path: temporary.to_path_buf(), _temporary: Some(temporary) })
    }
}

impl Staged {
    /// Bytes written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The temporary file, to read back what was written.
    pub fn path(&self) -> &FilePath {
        self.file.path()
    }

    /// Publishes the object under `key`, replacing what was there, and returns its size.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is visible then.
    pub async fn publish(self, key: &str) -> Result<u64, StoreError> {
        let bytes = self.bytes;
        match self.lake.disk.clone() {
            Some(disk) => place(disk, vec![(self, key.to_owned())]).await?,
            None => self.upload(key).await?,
        }
        Ok(bytes)
    }

    /// Publishes objects of one lake under their keys, replacing what was there: quicker than one by
    /// one.
    ///
    /// # Errors
    /// [`StoreError`]; some of them may be visible then.
    pub async fn publish_all(all: Vec<(Self, String)>) -> Result<(), StoreError> {
        let Some((first, _)) = all.first() else { return Ok(()) };
        if let Some(disk) = first.lake.disk.clone() {
            return place(disk, all).await;
        }
        futures::stream::iter(all)
            .map(|(staged, key)| async move { staged.upload(&key).await })
            .buffer_unordered(UPLOADS)
            .try_collect()
            .await
    }

    async fn upload(self, key: &str) -> Result<(), StoreError> {
        let Self { lake, file, bytes } = self;
        let object = |source| StoreError::Object { action: "write", key: key.to_owned(), source };
        let local =
            |source| StoreError::File { action: "read", path: file.path().to_owned(), source };
        let location = location(key);
        let mut reader = File::open(file.path()).map_err(local)?;
        if bytes <= PART as u64 {
            let mut whole = Vec::with_capacity(bytes as usize);
            io::Read::read_to_end(&mut reader, &mut whole).map_err(local)?;
            lake.objects.put(&location, PutPayload::from(whole)).await.map_err(object)?;
        } else {
            let upload = lake.objects.put_multipart(&location).await.map_err(object)?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            let mut part = vec![0; PART];
            loop {
                let n = io::Read::read(&mut reader, &mut part).map_err(local)?;
                if n == 0 {
                    break;
                }
                upload.wait_for_capacity(4).await.map_err(object)?;
                upload.write(&part[..n]);
            }
            upload.finish().await.map_err(object)?;
        }
        Ok(())
    }
}

/// Gives objects of a directory their names. Their folders are synced by the document that names
/// them.
async fn place(disk: Arc<Disk>, all: Vec<(Staged, String)>) -> Result<(), StoreError> {
    let files = all.into_iter().map(|(staged, key)| (staged.file, disk.path(&key))).collect();
    let error = |(path, source)| StoreError::File { action: "write", path, source };
    blocking(move || disk.place_all(files)).await.map_err(error)
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A local file with an object's bytes.
#[derive(Debug)]
pub struct LocalCopy {
    path: PathBuf,
    _temporary: Option<TempPath>,
}

impl LocalCopy {
    /// Where it lies.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(|source| StoreError::File {
            action: "read",
            path: self.path.clone(),
            source,
        })
    }
}
