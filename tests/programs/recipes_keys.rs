//! The recipes with keys that take a person at a terminal, or a service manager.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::common::recipes::command;
use crate::common::running::{Running, count, program};
use crate::common::{Folder, beside_others, comes_to, free_address, skip};

#[test]
fn a_code_that_is_typed_at_the_terminal_opens_the_sender_and_is_kept() {
    let _beside = beside_others();
    if Command::new("script").arg("--version").output().is_err() {
        return skip("no script(1) here", false);
    }
    assert_eq!(command("sender --key auto"), "sender --key auto");
    let (home, screen, at) = (Folder::new(), Folder::new(), free_address());
    let sender = at_home(&home, &["--key", "auto", "--name", "door", "--serve", &at, "--announce", "off"]);
    assert!(comes_to(|| sender.said().contains("serving")), "{}", sender.said());
    let code = code(&home.join("chunkcast/sender.key"));
    assert!(!sender.said().contains(&code), "the terminal alone shows it: {}", sender.said());

    // On a terminal of its own, whose keyboard is a pipe.
    let (said, stats) = (screen.join("said"), screen.join("stats"));
    let receiver = format!(
        "{} --connect {at} --output none --config none --stats-interval 200ms --stats-json {stats}",
        program("receiver").display()
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--echo", "always", "--return", "--command", &receiver, &said])
        .env("XDG_CONFIG_HOME", screen.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let shown =
        || fs::read(&said).map(|said| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default();
    assert!(comes_to(|| shown().contains("type the code of the sender")), "{}", shown());
    let keyboard = terminal.stdin.as_mut().unwrap();
    writeln!(keyboard, "{code}").unwrap();
    let delivered = || {
        let stats = fs::read_to_string(&stats).unwrap_or_default();
        let last = stats.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        last.is_some_and(|stats| count(&stats, "/frames/delivered") > 5)
    };
    assert!(comes_to(delivered), "{}", shown());
    terminal.stdin.take().unwrap().write_all(b"\x03").unwrap();
    assert!(terminal.wait().unwrap().success(), "{}", shown());
    assert!(!shown().contains(&code), "what is typed is not shown: {}", shown());
    assert_eq!(
        fs::read_to_string(screen.join("chunkcast/known-keys")).unwrap().lines().last(),
        Some(&*format!("door\t{code}"))
    );
}

#[test]
fn a_service_makes_its_key_in_its_own_folder_and_reads_one_that_systemd_hands_to_it() {
    let _beside = beside_others();
    let (state, at) = (Folder::new(), free_address());
    let serve = ["--source", "pattern", "--serve", &at, "--announce", "off"];
    let under = format!("STATE_DIRECTORY={}", state.path().display());
    let service = |key: &[&str]| Running::start("sender", &["env", &under], &[&serve[..], key].concat());
    let first = service(&["--key", "auto"]);
    assert!(comes_to(|| first.said().contains("serving")), "{}", first.said());
    let key = state.join("sender.key");
    assert!(
        first.said().contains(&format!("cat {key}")) && !first.said().contains(&code(&key)),
        "{}",
        first.said()
    );
    let id = |said: &str| said.split("locked with key ").nth(1).map(|rest| rest[..16].to_owned());
    let made = id(&first.said()).unwrap();
    drop(first);
    // As systemd's credentials are: root's, and readable by the group of the service.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    let again = service(&["--key-file", &key]);
    if rustix::process::getuid().is_root() {
        assert!(comes_to(|| id(&again.said()) == Some(made.clone())), "{}", again.said());
    } else {
        assert!(comes_to(|| again.said().contains("chmod 600")), "{}", again.said());
    }
}

/// A sender of the test card whose user has this folder for configuration.
fn at_home(home: &Folder, arguments: &[&str]) -> Running {
    let under = format!("XDG_CONFIG_HOME={}", home.path().display());
    let card = ["--source", "pattern", "--size", "320x240", "--fps", "20"];
    Running::start("sender", &["env", &under], &[&card[..], arguments].concat())
}

/// The code in a key file.
fn code(path: &str) -> String {
    fs::read_to_string(path).unwrap().lines().last().unwrap().to_owned()
}
