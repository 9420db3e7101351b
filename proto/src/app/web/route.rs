//! The response for each path.

use std::time::Instant;

use super::client::WebClient;
use super::request::{Method, Request};
use super::response::{HTML, JPEG, JSON, Response, TEXT};
use super::shared::Shared;
use super::site::{NO_PICTURE, WebAction, WebFeed, trouble};
use super::stream::{self, WebViewer};
use super::{live, metrics};

/// What a request is answered with.
pub(super) enum WebReply {
    Whole(Response),
    /// Pictures, for as long as they are watched.
    Stream(WebViewer),
}

/// Looks up what was asked for, if whoever asks is let in.
pub(super) fn answer(request: &Request, client: &WebClient<'_>, shared: &Shared) -> WebReply {
    // One that is added meanwhile is asked for.
    let keys = shared.access.keys().count();
    if let Err(refused) = shared.access.check(request, client, Instant::now()) {
        return WebReply::Whole(refused);
    }
    let action = WebAction::ALL.iter().find(|action| request.path.strip_prefix('/') == Some(action.name()));
    if request.method == Method::Post {
        return WebReply::Whole(match action {
            Some(&action) => act(action, request, client, shared).unwrap_or_else(|refused| refused),
            None => Response::sentence(405, "POST is for actions only").with("Allow: GET, HEAD"),
        });
    }
    if request.path == "/stream.mjpeg" {
        return match WebViewer::new(request, client.caller, keys, shared) {
            Ok(viewer) => WebReply::Stream(viewer),
            Err(refused) => WebReply::Whole(refused),
        };
    }
    WebReply::Whole(match &*request.path {
        "/" => Response::resource(HTML, include_str!("page/index.html")),
        "/page.css" => Response::resource("text/css; charset=utf-8", include_str!("page/page.css")),
        "/page.js" => Response::resource("text/javascript; charset=utf-8", include_str!("page/page.js")),
        "/icon.svg" => Response::resource("image/svg+xml", include_str!("page/icon.svg")),
        "/snapshot.jpg" => snapshot(request, shared).unwrap_or_else(|refused| refused),
        "/stats.json" => Response::new(200, JSON, shared.site.stats().as_bytes().to_vec()),
        "/live.json" => {
            let may_act = shared.permits.is_for(client.address, client.local, request.is_forwarded);
            Response::new(200, JSON, live::text(shared, may_act).into_bytes())
        }
        "/metrics" => Response::new(200, metrics::KIND, metrics::text(shared).into_bytes()),
        "/healthz" => health(request, shared).unwrap_or_else(|refused| refused),
        _ if action.is_some() => Response::sentence(405, "actions take POST only").with("Allow: POST"),
        _ => Response::sentence(404, PATHS),
    })
}

/// The stream that `?sender=N` asks for, and its number; the first one if it does not say.
fn feed(request: &Request, shared: &Shared) -> Result<(usize, WebFeed), Response> {
    let number = request.number("sender")?.unwrap_or(0);
    let mut feeds = shared.site.feeds();
    match feeds.len() {
        there if number < there => Ok((number, feeds.swap_remove(number))),
        0 => Err(Response::sentence(503, "there is no sender yet")),
        there => Err(Response::sentence(404, &format!("there is no sender {number}: there are {there}"))),
    }
}

/// The newest picture as it came.
fn snapshot(request: &Request, shared: &Shared) -> Result<Response, Response> {
    let (number, feed) = feed(request, shared)?;
    let now = Instant::now();
    let none = || Response::sentence(503, &trouble(&feed, now).unwrap_or_else(|| NO_PICTURE.into()));
    let shot = feed.newest.fresh(now).ok_or_else(none)?;
    let age = shot.age(now).as_secs_f64() * 1000.0;
    let fields = format!("{}X-Chunkcast-Age-Ms: {age:.1}", stream::fields(number, &shot, shared.begun));
    Ok(Response::new(200, JPEG, stream::whole(&shot.frame.jpeg).concat()).with(&fields))
}

/// Whether pictures come: of one stream, or of all.
fn health(request: &Request, shared: &Shared) -> Result<Response, Response> {
    let now = Instant::now();
    let feeds = match request.value("sender") {
        Some(_) => vec![feed(request, shared)?.1],
        None => shared.site.feeds(),
    };
    if feeds.is_empty() {
        return Err(Response::sentence(503, "there is no sender yet"));
    }
    let troubles: Vec<String> = feeds.iter().filter_map(|feed| named_trouble(feed, now)).collect();
    match troubles.len() {
        0 => Ok(Response::new(200, TEXT, &b"ok\n"[..])),
        _ => Err(Response::sentence(503, &troubles.join("\n"))),
    }
}

fn act(
    action: WebAction,
    request: &Request,
    client: &WebClient<'_>,
    shared: &Shared,
) -> Result<Response, Response> {
    shared.permits.check(request, client.address, client.local)?;
    if !shared.site.actions().contains(&action) {
        return Err(Response::sentence(404, &format!("there is no {action} here")));
    }
    let (number, _) = feed(request, shared)?;
    shared.permits.take(action, Instant::now())?;
    let done = shared.site.act(action, number).map_err(|why| Response::sentence(409, &why))?;
    Ok(Response::sentence(200, &done))
}

fn named_trouble(feed: &WebFeed, now: Instant) -> Option<String> {
    let trouble = trouble(feed, now)?;
    Some(if feed.name.is_empty() { trouble } else { format!("{}: {trouble}", feed.name) })
}

const PATHS: &str = "there is: / /stream.mjpeg /snapshot.jpg /stats.json /metrics /healthz";
