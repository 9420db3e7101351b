//! Two hosts on this machine with a bad network between them: `scripts/netlab`, held up while it is measured over.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, bail, ensure};

/// Two hosts on one switch; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Lab(());

/// What a path does to datagrams on their way to the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Harm {
    /// Nothing.
    None,
    /// Loses this many of 1000, at random.
    Random(u32),
    /// Loses this many in a row of every so many.
    Bursts(u32, u32),
    /// The switch's port towards the viewer has this rate, and a queue of this many bytes.
    Port(&'static str, u32),
}

impl Lab {
    /// The transmitter's host.
    pub(crate) const TX: &'static str = "host0";
    /// The viewer's host.
    pub(crate) const RX: &'static str = "host1";
    /// The viewer's address.
    pub(crate) const RX_ADDRESS: &'static str = "10.77.0.2";

    /// Puts the two hosts up, in the place of what an earlier, interrupted run may have left.
    ///
    /// # Errors
    ///
    /// Why this machine cannot, for people; being root is what is most often missing.
    pub(crate) fn up() -> anyhow::Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "network namespaces need root: sudo scripts/bench");
        netlab(&["up", "2"])?;
        Ok(Self(()))
    }

    /// What starts a program on `host`: the words before its own command line.
    pub(crate) fn on(host: &str) -> [String; 4] {
        ["ip".into(), "netns".into(), "exec".into(), format!("{NAME}-{host}")]
    }

    /// Makes the path to the viewer do this and nothing else.
    pub(crate) fn set(&self, harm: Harm) -> anyhow::Result<()> {
        netlab(&["loss", Self::RX, "0"])?;
        netlab(&["rate", Self::RX, "0"])?;
        match harm {
            Harm::None => {}
            Harm::Random(permille) => {
                netlab(&["loss", Self::RX, &permille.to_string()])?;
            }
            Harm::Bursts(len, of) => {
                netlab(&["burst", Self::RX, &len.to_string(), &of.to_string()])?;
                // It begins with a burst, which is to hit pictures, not the programs' first words to each other.
                let spend = format!("for i in {{1..{len}}}; do echo > /dev/udp/{}/9; done", Self::RX_ADDRESS);
                netlab(&["exec", Self::TX, "bash", "-c", &format!("{{ {spend}; }} 2>/dev/null || true")])?;
            }
            Harm::Port(rate, queue) => {
                netlab(&["rate", Self::RX, rate, &queue.to_string()])?;
            }
        }
        Ok(())
    }

    /// Bytes that both hosts have put on their wires so far, with every header from Ethernet's on: pictures and their
    /// repair one way, reports and requests the other; before anything is lost.
    pub(crate) fn wire_bytes(&self) -> anyhow::Result<u64> {
        // What the switch's port to a host receives is what the host sent.
        let counters =
            [Self::TX, Self::RX].map(|host| format!("/sys/class/net/p-{host}/statistics/rx_bytes"));
        let done =
            output(Command::new("ip").args(Self::on("switch").iter().skip(1)).arg("cat").args(counters))?;
        let counts = String::from_utf8(done.stdout)?;
        counts.lines().map(|count| count.parse::<u64>().context("no counter")).sum()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = netlab(&["down"]);
    }
}

fn netlab(arguments: &[&str]) -> anyhow::Result<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/netlab");
    output(Command::new(script).args(arguments).env("NETLAB", NAME))
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(done)
}

/// Namespaces are called `bench-host0` and so on.
const NAME: &str = "bench";
