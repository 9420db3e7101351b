//! What a datagram is, in a line for people.

use proto::wire::{Body, Datagram, Hello, Report};

/// The line that stands above it.
pub(crate) fn describe(bytes: &[u8]) -> String {
    let Datagram { header, body } = match Datagram::parse(bytes) {
        Ok(datagram) => datagram,
        Err(error) => return format!("{error:?}"),
    };
    let (frame, kind) = (header.frame.get(), header.kind);
    match body {
        Body::Data { .. } | Body::Parity { .. } => {
            let (index, data, parity) = (header.index, header.data_chunks, header.parity_chunks);
            format!("{kind:?}, frame {frame}, chunk {index} of {data} + {parity}")
        }
        Body::Resend(request) => {
            let ranges = request.ranges().map(|range| format!(" {}+{}", range.start, range.len()));
            format!("Resend, frame {frame}, needed {},{}", request.needed, ranges.collect::<String>())
        }
        Body::Report(report) => format!("Report, newest frame {frame}{}", reported(&report)),
        Body::Pong(pong) => {
            format!("Pong, asked {}, heard {}", pong.asked.as_micros(), pong.heard.as_micros())
        }
        Body::Hello(hello) => format!("Hello, {:?}, {}, next frame {frame}", hello.state, invitation(&hello)),
        Body::Subscribe(subscribe) => format!("Subscribe{}", if subscribe.leaves { ", leaves" } else { "" }),
        Body::SubscribeReply(reply) => format!("Subscribe reply, {:?}", reply.status),
        _ => format!("{kind:?}, frame {frame}"),
    }
}

fn invitation(hello: &Hello<'_>) -> String {
    let Some(invitation) = hello.invitation else { return "invites nobody".into() };
    let group = if invitation.is_group { " a group of" } else { "" };
    let resends = if invitation.resends { ", answers requests" } else { "" };
    let (viewers, every) = (invitation.viewers, invitation.report_every.as_millis());
    format!("invites{group} {viewers} every {every} ms{resends}")
}

/// What a report says, but for what is 0.
fn reported(report: &Report<'_>) -> String {
    let counts = &report.counts;
    let counters = [
        ("delivered", counts.delivered),
        ("lost", counts.lost),
        ("repaired", counts.repaired),
        ("resent", counts.resent),
        ("arrived", counts.arrived),
        ("missing", counts.missing),
    ];
    let counted = counters.iter().filter(|(_, count)| *count > 0);
    let mut text: String = counted.map(|(name, count)| format!(", {name} {count}")).collect();
    for train in report.trains() {
        let (id, span) = (train.id, train.span.as_micros());
        let (first, last) = (train.first, train.last);
        text += &format!(", {id}/{first}/{last}/{span}/{}/{}", train.missing_head, train.missing_tail);
    }
    text
}
