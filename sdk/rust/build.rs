// SPDX-License-Identifier: Apache-2.0
// Backtraces are in the standard library from Rust 1.65 on; with an older one a panic has its place only.
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output();
    let text = said.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let minor = text.ok().and_then(|text| text.split('.').nth(1)?.parse::<u32>().ok());
    if minor.unwrap_or(0) >= 80 {
        println!("cargo:rustc-check-cfg=cfg(has_backtrace)");
    }
    if minor.unwrap_or(0) >= 65 {
        println!("cargo:rustc-cfg=has_backtrace");
    }
}
