//! Empties what Terraform cannot delete while something is in it: versioned buckets and image
//! repositories. Only those of the environment, by their names.

use anyhow::Context as _;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use model::human;
use serde::Serialize;

use crate::account::{Cloud, Wrong};
use crate::lake::{self, Size};
use crate::trouble::{is_absent, told};

/// The arguments of `empty`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment's name again; without it nothing is deleted, only counted
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// What is in the way of a teardown.
#[derive(Debug, Serialize)]
struct Content {
    bucket: String,
    /// The newest versions only.
    objects: Size,
    /// Images by repository.
    images: Vec<(String, u64)>,
    emptied: bool,
}

/// `empty`.
pub(crate) async fn empty(cloud: &Cloud, args: &Args, json: bool) -> anyhow::Result<u8> {
    let environment = &cloud.names.environment;
    if args.confirm.as_ref().is_some_and(|name| name != environment) {
        anyhow::bail!(Wrong(format!(
            "the name given is not that of the environment, {environment}; nothing was deleted"
        )));
    }
    let repositories = repositories(cloud).await?;
    let mut content = Content {
        bucket: cloud.names.bucket(),
        objects: size(cloud).await?,
        images: Vec::new(),
        emptied: args.confirm.is_some(),
    };
    for repository in &repositories {
        content.images.push((repository.clone(), images(cloud, repository).await?.len() as u64));
    }
    if args.confirm.is_some() {
        let gone = empty_bucket(cloud).await?;
        for repository in &repositories {
            empty_repository(cloud, repository).await?;
        }
        if !json {
            println!("emptied s3://{}: {}", content.bucket, human::plural(gone, "object version"));
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&content)?);
        return Ok(0);
    }
    if args.confirm.is_none() {
        println!(
            "s3://{}: {}, {}, and their older versions",
            content.bucket,
            human::plural(content.objects.objects, "object"),
            human::bytes(content.objects.bytes)
        );
    }
    for (repository, images) in &content.images {
        println!("{repository}: {}", human::plural(*images, "image"));
    }
    Ok(0)
}

async fn exists(cloud: &Cloud) -> anyhow::Result<bool> {
    match cloud.s3().head_bucket().bucket(cloud.names.bucket()).send().await {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(told("look at the bucket")(error)),
    }
}

async fn size(cloud: &Cloud) -> anyhow::Result<Size> {
    if !exists(cloud).await? {
        return Ok(Size::default());
    }
    let objects = lake::list(cloud, "").await?;
    let bytes = objects.iter().map(|(_, bytes)| bytes).sum();
    Ok(Size { objects: objects.len() as u64, bytes })
}

/// Deletes every version of every object; how many there were.
async fn empty_bucket(cloud: &Cloud) -> anyhow::Result<u64> {
    if !exists(cloud).await? {
        return Ok(0);
    }
    let (s3, bucket) = (cloud.s3(), cloud.names.bucket());
    let mut gone = 0;
    loop {
        // what was deleted is not listed again, so each look is at the first page
        let page = s3
            .list_object_versions()
            .bucket(&bucket)
            .send()
            .await
            .map_err(told("list the versions in the bucket"))?;
        let identify = |key: Option<&str>, version: Option<&str>| {
            ObjectIdentifier::builder()
                .key(key.unwrap_or_default())
                .set_version_id(version.map(ToOwned::to_owned))
                .build()
        };
        let objects = page
            .versions()
            .iter()
            .map(|v| identify(v.key(), v.version_id()))
            .chain(page.delete_markers().iter().map(|m| identify(m.key(), m.version_id())))
            .collect::<Result<Vec<_>, _>>()?;
        if objects.is_empty() {
            break;
        }
        gone += objects.len() as u64;
        for some in objects.chunks(1_000) {
            let delete = Delete::builder().set_objects(Some(some.to_vec())).quiet(true).build()?;
            let answer = s3
                .delete_objects()
                .bucket(&bucket)
                .delete(delete)
                .send()
                .await
                .map_err(told("empty the bucket"))?;
            if let Some(error) = answer.errors().first() {
                anyhow::bail!(
                    "cannot delete `{}` of bucket {bucket}: {}",
                    error.key().unwrap_or_default(),
                    error.message().unwrap_or_default()
                );
            }
        }
    }
    // uploads that were never finished keep a bucket too
    let uploads = s3
        .list_multipart_uploads()
        .bucket(&bucket)
        .send()
        .await
        .map_err(told("list unfinished uploads"))?;
    for upload in uploads.uploads() {
        s3.abort_multipart_upload()
            .bucket(&bucket)
            .key(upload.key().unwrap_or_default())
            .upload_id(upload.upload_id().unwrap_or_default())
            .send()
            .await
            .map_err(told("end an unfinished upload"))?;
    }
    Ok(gone)
}

/// The environment's repositories.
pub(crate) async fn repositories(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let prefix = cloud.names.repositories();
    let mut pages = cloud.ecr().describe_repositories().into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("list the image repositories"))?;
        let ours = page.repositories().iter().filter_map(|r| r.repository_name());
        names.extend(ours.filter(|name| name.starts_with(&prefix)).map(ToOwned::to_owned));
    }
    names.sort();
    Ok(names)
}

async fn images(cloud: &Cloud, repository: &str) -> anyhow::Result<Vec<ImageIdentifier>> {
    let mut pages = cloud.ecr().list_images().repository_name(repository).into_paginator().send();
    let mut images = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told(&format!("list the images of {repository}")))?;
        images.extend_from_slice(page.image_ids());
    }
    Ok(images)
}

async fn empty_repository(cloud: &Cloud, repository: &str) -> anyhow::Result<()> {
    let images = images(cloud, repository).await?;
    for some in images.chunks(100) {
        cloud
            .ecr()
            .batch_delete_image()
            .repository_name(repository)
            .set_image_ids(Some(some.to_vec()))
            .send()
            .await
            .map_err(told(&format!("empty the repository {repository}")))
            .context("no image was deleted")?;
    }
    Ok(())
}
