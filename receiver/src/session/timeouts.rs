//! How long a sender may be silent, and what is done about it.
//!
//! A sender sends a hello five times a second, and each of its frames is a sign of life as well. What the core of the
//! protocol does about a silence is decided there: a restart and a goodbye are believed after [`proto::QUIET`] (250
//! ms), and another sender may have the lock after [`proto::SILENCE`] (500 ms). All else stands here.
//!
//! | after | used by | what for | why so long |
//! |---|---|---|---|
//! | [`SILENT`], 1 s | `slot`, `membership`, `subscription`, `unassigned` | the picture is no longer live; a sender that is announced elsewhere is sought there; one without a slot is forgotten | five hellos in a row are not lost by chance |
//! | [`LOST`], 2 s | `subscription`, `discovery` | it is sought at its other addresses and where it is announced | one that is restarted at its address is heard again before |
//! | [`HOME`], 30 s | `subscription` | no more subscribing where it was heard before it was sought elsewhere | an announcement that was a lie is outlived |
//! | [`UNANSWERED`], 0.8 s | `subscription` | one that was never heard is tried at its next address | an answer takes a round trip; the subscribes before it may be lost, one in every 100 ms |
//! | [`TURN`], 0.3 s | `subscription` | one that was heard before, or has many addresses, is tried at its next | an answer or two, and it is back within a second wherever it comes back |
//! | [`INSISTS`], 0.7 s | `unassigned` | one that goes on sending without a slot is a sender of its own | a sender that was restarted takes over its slot before |
//! | [`TRIAL`], 0.5 s | `standing` | who has shown no picture is not favoured in a flood | a sender that takes longer sends so little that it is no flood |
//! | [`TRIAL_AGAIN`], 10 s | `standing` | who has shown none gets another chance | perhaps the network was to blame |
//! | [`NO_PICTURE`], 2 s | `slot` | one that has a slot and shows nothing gives it up, if another wants it and there is no other | the largest picture has come by then |
//! | [`REJOIN`], 0.5 s | `membership` | the group is joined again, while nothing comes by it | so soon after a cable is in again its picture is back |
//! | [`REJOIN_LATER`], 10 s | `membership` | the same after [`REJOIN_SOON_FOR`], 60 s | nobody waits for the picture to come back |
//! | [`LOOK_UP_EVERY`], 10 s | `threads`, `subscription` | a name is looked up again | no name server minds, and nobody waits longer for a computer that has just been given another address |
//! | [`CLOCK_KNOWN_WITHIN`], 1 s | `slot` | delays are counted although the sender's clock is not known | after so long it is not going to be |

use std::time::Duration;

use proto::SILENCE;

/// See the table above, as for all that follow.
pub(super) const SILENT: Duration = Duration::from_secs(1);
pub(crate) const LOST: Duration = Duration::from_secs(2);
pub(super) const HOME: Duration = Duration::from_secs(30);
pub(super) const UNANSWERED: Duration = Duration::from_millis(800);
pub(super) const TURN: Duration = Duration::from_millis(300);
pub(super) const INSISTS: Duration = Duration::from_millis(SILENCE.as_millis() as u64 + 200);
pub(super) const TRIAL: Duration = SILENCE;
pub(super) const TRIAL_AGAIN: Duration = Duration::from_secs(10);
pub(super) const NO_PICTURE: Duration = Duration::from_secs(2);
pub(super) const REJOIN: Duration = Duration::from_millis(500);
pub(super) const REJOIN_LATER: Duration = Duration::from_secs(10);
pub(super) const REJOIN_SOON_FOR: Duration = Duration::from_secs(60);
pub(crate) const LOOK_UP_EVERY: Duration = Duration::from_secs(10);
pub(super) const CLOCK_KNOWN_WITHIN: Duration = Duration::from_secs(1);
