//! `docs/configuration.md` has every flag of every command, with its default, and no others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Flags by name, each with its default as it is written.
type Flags = BTreeMap<String, Option<String>>;

/// What `--help` says, but for `--help` itself.
fn helped(command: &str) -> Flags {
    let output = Command::new(env!("CARGO_BIN_EXE_pingway")).args([command, "--help"]).output().expect("run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let flag = |line: &str| {
        let default = line.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
        Some((name(line)?, default.map(|(default, _)| default.to_owned())))
    };
    lines.filter_map(flag).filter(|(name, _)| name != "--help").collect()
}

/// The first `--name` of a text.
fn name(text: &str) -> Option<String> {
    let letter = |c: char| c == '-' || c.is_ascii_alphanumeric();
    Some(text.get(text.find("--")?..)?.chars().take_while(|&c| letter(c)).collect())
}

/// The flags in the table of a command's section; the default is what the second column has in backquotes.
fn documented(command: &str) -> Flags {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = fs::read_to_string(path).expect("the document");
    let mut sections = text.split("\n### `pingway ").skip(1);
    let section = sections.find(|section| section.starts_with(command)).expect("the command's section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| line.split(" | ").map(str::to_owned).collect::<Vec<_>>();
    let flag = |line: &str| {
        let cells = cells(line);
        let default = cells.get(1).and_then(|cell| cell.split('`').nth(1)).map(str::to_owned);
        Some((name(cells.first()?)?, default))
    };
    section.lines().filter(|line| line.starts_with("| `-")).filter_map(flag).collect()
}

#[test]
fn each_flag_is_documented_with_its_default_and_no_other() {
    for command in ["proxy", "controller", "check", "explain", "status"] {
        assert_eq!(documented(command), helped(command), "{command}: docs/configuration.md against --help");
    }
}

#[test]
fn quickstart_has_the_proxys_flags_and_its_own_defaults_are_documented() {
    let mut proxy = helped("proxy");
    let of_pods = [
        "--own-addresses",
        "--service-account",
        "--node",
        "--zone",
        "--unenforced-policies",
        "--root-namespace",
        "--workload-labels",
        "--cluster-name",
        "--cluster-domain",
    ];
    for flag in ["--manifests", "--gateway", "--report", "--pod"].into_iter().chain(of_pods) {
        proxy.remove(flag).expect("a flag of the proxy's");
    }
    let quickstart = helped("quickstart");
    assert_eq!(quickstart.keys().collect::<Vec<_>>(), proxy.keys().collect::<Vec<_>>());
    let differs = |(name, default): &(String, Option<String>)| proxy.get(name) != Some(default);
    assert_eq!(documented("quickstart"), quickstart.into_iter().filter(differs).collect::<Flags>());
}

#[test]
fn every_command_is_documented() {
    let output = Command::new(env!("CARGO_BIN_EXE_pingway")).arg("--help").output().expect("run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, list) = text.split_once("Commands:\n").expect("a list of commands");
    let commands = list.lines().map_while(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    assert_eq!(commands.inspect(|command| drop(documented(command))).count(), 6);
}
