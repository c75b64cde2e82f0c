//! What lies in the lake's bucket: documents of a run, sizes of folders.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use model::figures::Figures;
use model::fragment::{BronzeFragment, GoldFragment, SilverFragment};
use model::plan::Plan;
use model::verdict::Verdict;
use model::{RunId, layout};
use serde::de::DeserializeOwned;

use crate::account::Cloud;
use crate::trouble::{is_absent, told};

/// Documents read at once.
const AT_ONCE: usize = 32;

/// A folder's objects, replaced versions left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Size {
    /// Objects.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// Reads an object; `None` where there is none.
pub(crate) async fn read(cloud: &Cloud, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let answer = cloud.s3().get_object().bucket(cloud.names.bucket()).key(key).send().await;
    let object = match answer {
        Ok(object) => object,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(told(&format!("read `{key}` of the lake"))(error)),
    };
    let body = object.body.collect().await.with_context(|| format!("cannot read `{key}`"))?;
    Ok(Some(body.to_vec()))
}

async fn document<T: DeserializeOwned>(cloud: &Cloud, key: &str) -> anyhow::Result<Option<T>> {
    let Some(bytes) = read(cloud, key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).with_context(|| format!("`{key}` cannot be read"))
}

/// The objects below a prefix: key and size.
pub(crate) async fn list(cloud: &Cloud, prefix: &str) -> anyhow::Result<Vec<(String, u64)>> {
    let bucket = cloud.names.bucket();
    let mut pages =
        cloud.s3().list_objects_v2().bucket(&bucket).prefix(prefix).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told(&format!("list `{prefix}` in bucket {bucket}")))?;
        all.extend(page.contents().iter().filter_map(|object| {
            let bytes = object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            Some((object.key()?.to_owned(), bytes))
        }));
    }
    Ok(all)
}

/// The size of all that begins with a prefix.
pub(crate) async fn size(cloud: &Cloud, prefix: &str) -> anyhow::Result<Size> {
    let objects = list(cloud, prefix).await?;
    let bytes = objects.iter().map(|(_, bytes)| bytes).sum();
    Ok(Size { objects: objects.len() as u64, bytes })
}

/// The plan of a run, where it got so far.
pub(crate) async fn plan(cloud: &Cloud, run: &RunId) -> anyhow::Result<Option<Plan>> {
    document(cloud, &layout::plan(run)).await
}

/// What check made of a run, where it came to a verdict.
pub(crate) async fn verdict(cloud: &Cloud, run: &RunId) -> anyhow::Result<Option<Verdict>> {
    document(cloud, &layout::verdict(run)).await
}

async fn fragments<T: DeserializeOwned>(
    cloud: &Cloud,
    run: &RunId,
    stage: &str,
) -> anyhow::Result<Vec<T>> {
    let keys = list(cloud, &format!("{}/", layout::fragments(run, stage))).await?;
    let all: Vec<Option<T>> = futures::stream::iter(keys)
        .map(|(key, _)| async move { document(cloud, &key).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(all.into_iter().flatten().collect())
}

/// What the fragments of a run amount to.
pub(crate) async fn figures(cloud: &Cloud, run: &RunId) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    for fragment in fragments::<SilverFragment>(cloud, run, "silver").await? {
        figures.add_group(&fragment);
    }
    for fragment in fragments::<BronzeFragment>(cloud, run, "bronze").await? {
        figures.add_archive(&fragment);
    }
    for fragment in fragments::<GoldFragment>(cloud, run, "gold").await? {
        figures.add_gold(&fragment);
    }
    Ok(figures)
}
