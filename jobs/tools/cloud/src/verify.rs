//! Whether the catalog is as the code says: every table in its database, with its columns and types
//! in their order, at its place in the bucket.

use model::layout;
use model::schema::Table;

use crate::account::Cloud;
use crate::trouble::{is_absent, told};

/// `verify`: exit code 0 where nothing differs.
pub(crate) async fn verify(cloud: &Cloud, json: bool) -> anyhow::Result<u8> {
    let mut faults = Vec::new();
    for table in Table::ALL {
        faults.extend(faults_of(cloud, *table).await?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&faults)?);
    } else if faults.is_empty() {
        println!("catalog: all {} tables are as the code says", Table::ALL.len());
    } else {
        for fault in &faults {
            println!("catalog: {fault}");
        }
        println!(
            "next: cargo xtask codegen, then cargo xtask deploy --env {}",
            cloud.names.environment
        );
    }
    Ok(u8::from(!faults.is_empty()))
}

async fn faults_of(cloud: &Cloud, table: Table) -> anyhow::Result<Vec<String>> {
    let database = cloud.names.database(table.zone());
    let answer = cloud.glue().get_table().database_name(&database).name(table.name()).send().await;
    let found = match answer {
        Ok(answer) => answer.table,
        Err(error) if is_absent(&error) => None,
        Err(error) => {
            return Err(told(&format!("look at table {database}.{}", table.name()))(error));
        }
    };
    let Some(found) = found else {
        return Ok(vec![format!("there is no table {database}.{}", table.name())]);
    };
    let descriptor = found.storage_descriptor();
    // Delta tables are registered with all columns, those of partitions among them
    let columns: Vec<(String, String)> = descriptor
        .map(aws_sdk_glue::types::StorageDescriptor::columns)
        .unwrap_or_default()
        .iter()
        .chain(found.partition_keys())
        .map(|c| (c.name().to_owned(), c.r#type().unwrap_or_default().to_owned()))
        .collect();
    let wanted: Vec<(String, String)> =
        table.schema().columns.iter().map(|c| (c.name.to_owned(), c.kind.catalog_name())).collect();
    let place = format!("s3://{}/{}", cloud.names.bucket(), layout::table(table));
    let location = descriptor.and_then(|d| d.location()).unwrap_or_default();
    Ok(differences(table.as_str(), &wanted, &columns, &place, location))
}

fn differences(
    table: &str,
    wanted: &[(String, String)],
    found: &[(String, String)],
    place: &str,
    location: &str,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, kind) in wanted {
        match found.iter().find(|(other, _)| other == name) {
            None => faults.push(format!("{table} has no column {name}")),
            Some((_, other)) if other != kind => {
                faults.push(format!("{table}.{name} is {other}, expected {kind}"));
            }
            Some(_) => {}
        }
    }
    for (name, _) in found.iter().filter(|(name, _)| wanted.iter().all(|(w, _)| w != name)) {
        faults.push(format!("{table} has a column {name} that the code does not know"));
    }
    if location.trim_end_matches('/') != place {
        faults.push(format!("{table} lies at `{location}`, expected `{place}`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let columns = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(n, k)| ((*n).to_owned(), (*k).to_owned())).collect()
        };
        let wanted = columns(&[("a", "bigint"), ("b", "string")]);
        assert!(differences("t", &wanted, &wanted, "s3://x/t", "s3://x/t/").is_empty());
        let found = columns(&[("a", "int"), ("c", "string")]);
        assert_eq!(
            differences("t", &wanted, &found, "s3://x/t", "s3://x/u"),
            [
                "t.a is int, expected bigint",
                "t has no column b",
                "t has a column c that the code does not know",
                "t lies at `s3://x/u`, expected `s3://x/t`",
            ]
        );
    }
}
