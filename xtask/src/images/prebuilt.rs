//! Programs that were compiled outside of a container, made ready for one: without symbols, in a
//! build context of their own, and refused where the base could not run them.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::workspace;

/// The newest glibc that the base image has: Debian 12's, 2.36.
const GLIBC_MINOR: u32 = 36;

/// Stands for the folder of the everyday build.
pub(super) const EVERYDAY: &str = "everyday";

/// A build context with the programs of the stages.
pub(super) fn context(
    folder: &Path,
    stages: &[&str],
    platform: Option<&str>,
) -> anyhow::Result<PathBuf> {
    let folder = if folder == Path::new(EVERYDAY) {
        workspace::programs()?
    } else {
        std::path::absolute(folder)?
    };
    let context = workspace::root().join("target/images");
    let to = context.join("prebuilt");
    std::fs::create_dir_all(&to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for stage in stages {
        let from = folder.join(stage);
        if !from.is_file() {
            bail!("no program `{}`; run `cargo build --package {stage}`", from.display());
        }
        let bytes = std::fs::read(&from).with_context(|| format!("cannot read `{stage}`"))?;
        fits(stage, &bytes, platform)?;
        copy(&from, &to.join(stage))?;
    }
    Ok(context)
}

/// Fails unless a container of the platform can run the program.
fn fits(stage: &str, bytes: &[u8], platform: Option<&str>) -> anyhow::Result<()> {
    let found = match bytes {
        // the machine stands at byte 18 of an ELF file
        [0x7f, b'E', b'L', b'F', rest @ ..] if rest.len() > 15 => match rest[14] {
            0x3e => "linux/amd64",
            0xb7 => "linux/arm64",
            _ => "another machine",
        },
        _ => bail!("`{stage}` is no Linux program; build without --prebuilt"),
    };
    if let Some(platform) = platform
        && platform != found
    {
        bail!("`{stage}` is for {found}, not {platform}; build without --prebuilt");
    }
    let minor = glibc_minor(bytes);
    if minor > GLIBC_MINOR {
        bail!(
            "`{stage}` needs glibc 2.{minor}, the base image has 2.{GLIBC_MINOR}; build without \
             --prebuilt, or on Debian 12"
        );
    }
    Ok(())
}

/// The newest `GLIBC_2.<minor>` that a program asks for.
fn glibc_minor(bytes: &[u8]) -> u32 {
    const MARK: &[u8] = b"LIBC_2.";
    let mut newest = 0;
    let mut rest = bytes;
    // from one G to the next: the standard library's search is fast in any build
    while matches!(rest.skip_until(b'G'), Ok(1..)) {
        if let Some(version) = rest.strip_prefix(MARK) {
            let digits = version.iter().take(3).take_while(|byte| byte.is_ascii_digit());
            newest = newest.max(digits.fold(0, |n, digit| n * 10 + u32::from(digit - b'0')));
        }
    }
    newest
}

/// Copies a program without its symbols, unless the copy is newer; where nothing can take them
/// out they stay.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    if let (Ok(source), Ok(copied)) = (changed(from), changed(to))
        && copied > source
    {
        return Ok(());
    }
    let stripped =
        Command::new("strip").arg("-o").arg(to).arg(from).status().is_ok_and(|s| s.success());
    if !stripped {
        std::fs::copy(from, to).with_context(|| format!("cannot write `{}`", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8, text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[18] = machine;
        bytes.extend_from_slice(text);
        bytes
    }

    #[test]
    fn what_a_container_could_not_run_is_refused() {
        let check = |bytes: &[u8], platform: Option<&str>, expect: Option<&str>| {
            let found = fits("silver", bytes, platform).err().map(|error| error.to_string());
            match expect {
                None => assert_eq!(found, None),
                Some(expect) => {
                    assert!(found.as_deref().is_some_and(|f| f.contains(expect)), "{found:?}");
                }
            }
        };
        let old = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GCC_3.0\0";
        check(&elf(0x3e, old), None, None);
        check(&elf(0x3e, old), Some("linux/amd64"), None);
        check(&elf(0xb7, old), Some("linux/amd64"), Some("is for linux/arm64"));
        check(&elf(0x3e, b"\0GLIBC_2.39\0"), None, Some("needs glibc 2.39"));
        check(b"#!/bin/sh\n", None, Some("no Linux program"));
    }
}
