//! The end of a deployment: what dies and what is lost is shown, the environment's name is asked
//! for, what keeps Terraform from deleting is emptied, everything is destroyed, and then looked
//! for. What is left of it is a receipt.

use std::fs;
use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::commands::prepared;
use super::summary::resources;
use super::{EMULATED, Site, build, emulator, folder, pushed};
use crate::environment::{Choice, Wrong};
use crate::executor::now;
use crate::workspace::shown;

/// What starts executions by itself.
const SCHEDULES: &str = "module.environment.module.pipeline.aws_scheduler_schedule.this";

/// The arguments of `teardown`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Destroy a deployment and everything in it: shows what dies and what would be \
                  lost, asks for the environment's name, empties its bucket and its repositories, \
                  destroys all resources, looks for leftovers by tag and by name, and prints a \
                  receipt. May be interrupted and repeated.",
    after_help = "Examples:\n  \
        cargo xtask teardown --env dev\n  \
        cargo xtask teardown --env emulated --yes"
)]
pub(crate) struct Teardown {
    #[command(flatten)]
    choice: Choice,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// `teardown`.
pub(crate) fn teardown(args: &Teardown) -> anyhow::Result<u8> {
    let environment = args.choice.open(None)?;
    let name = environment.name.clone();
    if name == EMULATED && !emulator::is_up(&name) {
        // an emulator that is gone took everything with it
        emulator::down(&name)?;
        forget(&name);
        println!("nothing to tear down: no emulated AWS runs");
        return Ok(0);
    }
    build(None, &args.choice)?;
    let site = Site::of(&environment)?;
    let terraform = prepared(&site)?;
    let existed = terraform.resources()?;
    let content: Value = serde_json::from_str(&site.ask(&["empty", "--json"])?)?;
    if existed.is_empty() {
        println!("Terraform knows of nothing in environment {name}");
    } else {
        println!("what dies in environment {name}: {}", resources(existed.len()));
        let objects = content["objects"]["objects"].as_u64().unwrap_or(0);
        let bytes = content["objects"]["bytes"].as_u64().unwrap_or(0);
        println!(
            "what is lost: {} in s3://{} ({}) with all their versions, logs, images, query results",
            crate::human::plural(objects, "object"),
            content["bucket"].as_str().unwrap_or_default(),
            crate::human::bytes(bytes)
        );
        // a schedule of a former version has another address, and Terraform destroys none by itself
        // while it is still to be moved
        if existed.iter().any(|address| address == SCHEDULES) {
            bail!(
                "{name} was deployed by a former version: `cargo xtask plan --env {name}` and `cargo \
                 xtask apply --env {name}` bring it up to this one, then it can be torn down"
            );
        }
        if !args.yes && !is_meant(&name)? {
            bail!(Wrong("the name is another one; nothing was destroyed".to_owned()));
        }
        // nothing may start, nor be at work, in what is taken away
        if existed.iter().any(|address| address.starts_with(SCHEDULES)) {
            terraform.destroy_one(SCHEDULES)?;
        }
        if site.call(&["stop", "--confirm", &name])? != 0 {
            bail!("what is at work could not be stopped; type the same command again to go on");
        }
        let emptied = site.call(&["empty", "--confirm", &name])?;
        if emptied != 0 {
            bail!("the bucket could not be emptied; type the same command again to go on");
        }
        terraform.destroy(existed.len())?;
    }
    // what was pushed went with the repositories
    pushed::forget(&site.folder());
    let still = terraform.resources()?;
    let left: Value = leftovers(&site)?;
    let mut found: Vec<String> = texts(&left["left"]);
    // what nobody can say is gone is not told as gone
    let unconfirmed = left["unconfirmed"].as_object().into_iter().flatten();
    found.extend(
        unconfirmed
            .map(|(arn, why)| format!("{arn}, perhaps: {}", why.as_str().unwrap_or_default())),
    );
    receipt(&site, &existed, &still, &found, &left)?;
    let clean = still.is_empty() && found.is_empty();
    // with the emulator goes its account, and whatever was left in it
    if name == EMULATED {
        emulator::down(&name)?;
        forget(&name);
        println!("the emulated AWS has ended");
    }
    Ok(u8::from(!clean))
}

/// The texts of a list in JSON.
fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(ToOwned::to_owned).collect()
}

/// Asks for the environment's name.
fn is_meant(name: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on; add --yes");
    }
    eprint!("to destroy all this, type the environment's name: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim() == name)
}

fn leftovers(site: &Site) -> anyhow::Result<Value> {
    let output = site.cloud(&["leftovers", "--json"])?.output().context("cannot start `cloud`")?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("cannot look for leftovers: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}

/// Prints the receipt, and keeps it.
fn receipt(
    site: &Site,
    existed: &[String],
    still: &[String],
    found: &[String],
    left: &Value,
) -> anyhow::Result<()> {
    println!("\nreceipt for environment {}", site.name);
    let absent = existed.iter().filter(|address| !still.contains(address)).count();
    println!("  {} of {} absent", absent, resources(existed.len()));
    println!("  looked for leftovers by {}", texts(&left["looked"]).join(", "));
    for name in still.iter().chain(found) {
        println!("  LEFT  {name}");
    }
    let lagging = texts(&left["lagging"]).len() as u64;
    if lagging > 0 {
        println!(
            "  the index of tags still names {} that their services say are gone; it forgets them \
             within hours",
            crate::human::plural(lagging, "thing")
        );
    }
    if still.is_empty() && found.is_empty() {
        println!("  nothing is left; what remains to be paid each month: $0.00");
    } else {
        println!("  something is left: type the same command again, or delete it by hand");
    }
    let rows: Vec<Value> = existed
        .iter()
        .map(|address| json!({ "address": address, "absent": !still.contains(address) }))
        .collect();
    let receipt = json!({
        "environment": site.name, "at": now(), "existed": rows, "left": found, "looked": left["looked"],
        "lagging": left["lagging"],
    });
    let file =
        folder("receipts").join(format!("{}-{}.json", site.name, now().format("%Y%m%dT%H%M%SZ")));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, serde_json::to_string_pretty(&receipt)? + "\n")?;
    println!("  every resource stands in {}", shown(&file));
    Ok(())
}

/// What Terraform and we noted of an emulated AWS that is gone.
fn forget(name: &str) {
    for file in ["terraform.tfstate", "terraform.tfstate.backup", "lake.yaml"] {
        let _ = fs::remove_file(folder(name).join(file));
    }
    let _ = fs::remove_dir_all(folder(name).join("terraform"));
}
