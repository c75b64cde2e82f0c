//! Checkpoints that are there stay as they are: a store that gives a checkpoint's file its name
//! only where there is none. Two writers of one version's checkpoint may write different bytes,
//! and the table's head holds the hash of those that came first.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart,
};

/// The store over another one.
#[derive(Debug)]
pub(crate) struct Once(pub(crate) Arc<dyn ObjectStore>);

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_checkpoint(location: &Path) -> bool {
    location.filename().is_some_and(|name| name.ends_with(".checkpoint.parquet"))
}

#[async_trait]
impl ObjectStore for Once {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        if is_checkpoint(location) && options.mode == PutMode::Overwrite {
            options.mode = PutMode::Create;
        }
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !is_checkpoint(location) {
            return self.0.put_multipart_opts(location, options).await;
        }
        // an upload in parts takes the place of what is there: these are put whole
        let (store, location) = (Arc::clone(&self.0), location.clone());
        Ok(Box::new(Whole { store, location, parts: Arc::default() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}

/// The file of a checkpoint that comes in parts, in order.
#[derive(Debug)]
struct Whole {
    store: Arc<dyn ObjectStore>,
    location: Path,
    parts: Arc<Mutex<Vec<Bytes>>>,
}

impl Whole {
    fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl MultipartUpload for Whole {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).extend(data);
        futures::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let payload: PutPayload = self.take().into_iter().collect();
        self.store.put_opts(&self.location, payload, PutMode::Create.into()).await
    }

    async fn abort(&mut self) -> Result<()> {
        drop(self.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use object_store::{Error, ObjectStoreExt as _};

    use crate::lake::Lake;

    #[tokio::test]
    async fn the_checkpoint_that_came_first_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        let (small, large) = ("t/_delta_log/1.checkpoint.parquet", "t/2.checkpoint.parquet");
        lake.write(small, "first").await.expect("write");
        lake.write(small, "second").await.expect_err("it is there");
        assert_eq!(lake.read(small).await.expect("read"), "first");
        for (parts, is_first) in [(["one ", "two"], true), (["three", ""], false)] {
            let mut upload =
                lake.objects.put_multipart(&crate::lake::location(large)).await.expect("begin");
            for part in parts {
                upload.put_part(part.into()).await.expect("part");
            }
            match upload.complete().await {
                Ok(_) => assert!(is_first),
                Err(error) => assert!(!is_first && matches!(error, Error::AlreadyExists { .. })),
            }
        }
        assert_eq!(lake.read(large).await.expect("read"), "one two");
        lake.write("t/pointer", "1").await.expect("write");
        lake.write("t/pointer", "2").await.expect("anything else may be written over");
    }
}
