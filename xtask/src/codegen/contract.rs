//! infra/contract.json: the facts of the code that Terraform needs, so that both sides cannot
//! differ: stages, exit codes, tables with their columns and partitions, prefixes of the lake, the
//! defaults of the section `aws:`, sizes and times of tasks, metrics, the named queries.

use std::collections::BTreeMap;

use anyhow::Context as _;
use model::config::Aws;
use model::config::aws::{TASK_SECONDS, TASK_START_SECONDS, Task};
use model::exit::Exit;
use model::layout;
use model::metrics::{self, Metric};
use model::question::{Catalog, in_databases};
use model::schema::{Column, Table};
use serde_json::{Value, json};

use crate::workspace::STAGES;

fn column(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.kind.catalog_name(),
        "nullable": column.nullable,
        "comment": column.doc,
    })
}

/// The named queries as they stand in Athena's console: parameters have their default values, and the
/// database of a zone is a variable of Terraform's templates, `${gold}`.
fn queries() -> anyhow::Result<BTreeMap<String, Value>> {
    let catalog = Catalog::built_in()?;
    let mut queries = BTreeMap::new();
    for (name, query) in &catalog.queries {
        let sql = catalog.render(name, &[]).with_context(|| {
            format!("sql/queries/{name}.sql: give each parameter a default value, Athena's console has no other")
        })?;
        // what templates would take for theirs
        let sql = sql.replace("${", "$${").replace("%{", "%%{");
        let sql = in_databases(&sql, |zone| format!("${{{zone}}}"));
        queries.insert(name.clone(), json!({ "purpose": query.header.purpose, "sql": sql }));
    }
    Ok(queries)
}

/// The contract.
pub(super) fn contract() -> anyhow::Result<String> {
    let tables: BTreeMap<&str, Value> = Table::ALL
        .iter()
        .map(|table| {
            let schema = table.schema();
            let value = json!({
                "schema": table.zone(),
                "name": table.name(),
                "prefix": layout::table(*table),
                "comment": schema.doc,
                "partitions": schema.partitions,
                "key": schema.key,
                "columns": schema.columns.iter().map(column).collect::<Vec<_>>(),
            });
            (table.as_str(), value)
        })
        .collect();
    let exits: BTreeMap<u8, Value> = (0..=5)
        .filter_map(|code| {
            let exit = Exit::of_code(code)?;
            let retry = matches!(exit, Exit::SourceUnavailable | Exit::LostRace);
            Some((exit as u8, json!({ "advice": exit.advice(), "retry": retry })))
        })
        .collect();
    let mut defaults = serde_json::to_value(Aws::defaults(""))?;
    if let Some(defaults) = defaults.as_object_mut() {
        // stands in every lake.yaml
        defaults.remove("region");
    }
    let metrics: Vec<Value> = Metric::ALL
        .iter()
        .map(|metric| {
            json!({
                "name": metric.as_str(),
                "unit": metric.unit(),
                "stages": metric.stages(),
                "statistic": metric.statistic(),
                "title": metric.title(),
            })
        })
        .collect();
    let contract = json!({
        "comment": "made by `cargo xtask codegen`; do not edit",
        "stages": STAGES,
        "exits": exits,
        "aws_defaults": defaults,
        "tasks": {
            "sizes": Task::sizes(),
            "seconds": TASK_SECONDS,
            "start_seconds": TASK_START_SECONDS,
        },
        "metrics": {
            "namespace": metrics::NAMESPACE,
            "dimensions": metrics::DIMENSIONS,
            "list": metrics,
        },
        "prefixes": {
            "bronze": "bronze",
            "silver": "silver",
            "gold": "gold",
            "ops": "ops",
            "runs": layout::RUNS,
            "index": layout::INDEX,
            "temp": layout::TEMP,
        },
        "queries": queries()?,
        "tables": tables,
    });
    Ok(serde_json::to_string_pretty(&contract)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_stands_in_it() {
        let contract: Value = serde_json::from_str(&contract().unwrap()).unwrap();
        for table in Table::ALL {
            let stated = &contract["tables"][table.as_str()];
            assert_eq!(stated["columns"].as_array().unwrap().len(), table.schema().columns.len());
            let prefix = stated["prefix"].as_str().unwrap();
            let zone = prefix.split('/').next().unwrap();
            assert!(contract["prefixes"][zone].is_string(), "{prefix}");
        }
        assert_eq!(
            contract["tables"]["silver.trades"]["columns"][7],
            json!({ "name": "price", "type": "decimal(18,8)", "nullable": false,
                    "comment": "price in the quote asset" })
        );
        assert_eq!(contract["exits"]["3"]["retry"], json!(true));
        assert_eq!(contract["exits"]["2"]["retry"], json!(false));
    }

    #[test]
    fn defaults_and_metrics_stand_in_it() {
        let contract: Value = serde_json::from_str(&contract().unwrap()).unwrap();
        let defaults = &contract["aws_defaults"];
        assert_eq!(defaults["schedule"]["enabled"], json!(false));
        assert_eq!(defaults["tasks"].as_object().unwrap().len(), STAGES.len());
        assert!(defaults.get("region").is_none());
        let list = contract["metrics"]["list"].as_array().unwrap();
        assert_eq!(list.len(), Metric::ALL.len());
    }

    #[test]
    fn queries_stand_in_it_as_a_console_takes_them() {
        let contract: Value = serde_json::from_str(&contract().unwrap()).unwrap();
        let bars = contract["queries"]["bars_for_symbol"]["sql"].as_str().unwrap();
        assert!(bars.contains("FROM ${gold}.bars\n"), "{bars}");
        assert!(bars.contains("AND symbol = 'BTCUSDT'\n"), "{bars}");
        assert!(bars.contains("BETWEEN DATE '2017-01-01' AND DATE '2099-12-31'"), "{bars}");
        for (name, _) in model::question::catalog::BUILT_IN {
            assert!(contract["queries"][name]["sql"].as_str().is_some_and(|s| s.contains("${")));
        }
    }

    /// A metric that no stage notes would be a graph that stays empty.
    #[test]
    fn every_metric_is_reported_somewhere() {
        let sources = |folder: &str| {
            let mut text = String::new();
            let mut folders = vec![crate::workspace::root().join(folder)];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        text.push_str(&std::fs::read_to_string(path).unwrap());
                    }
                }
            }
            text
        };
        let frame = sources("jobs/lib/stage/src");
        for metric in Metric::ALL {
            let word = format!("Metric::{metric:?}");
            for stage in metric.stages() {
                let reported =
                    frame.contains(&word) || sources(&format!("jobs/{stage}/src")).contains(&word);
                assert!(reported, "{stage} does not report {metric}");
            }
        }
    }
}
