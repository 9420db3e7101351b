//! Who is let in where a program has a key: people by a form, whose cookie goes with all that they ask for then,
//! programs by HTTP Basic. Everybody is asked, also on this computer, unless that is open.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use zeroize::Zeroizing;

use super::client::{WebClient, is_here};
use super::request::{LOGIN, Method, Request};
use super::response::Response;
use super::sessions::Sessions;
use super::tries::Tries;
use super::{credentials, guard, login};
use crate::app::page_keys::PageKeys;
use crate::rate_limiter::RateLimiter;

/// Lets in who has a key.
pub(super) struct Access {
    keys: PageKeys,
    /// Whether nobody is asked who is on this computer.
    is_open_here: bool,
    program: &'static str,
    /// What our cookies are called: browsers keep those of all ports of a host together.
    cookie: String,
    lists: Mutex<Lists>,
}

struct Lists {
    sessions: Sessions,
    tries: Tries,
    messages: RateLimiter,
}

/// Why somebody is not let in.
enum Denial {
    NoPassword,
    WrongPassword,
    /// He was wrong too often, and has to wait.
    TooMany(Duration),
}

impl Access {
    /// For the pages of this program at this port.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn new(keys: PageKeys, is_open_here: bool, program: &'static str, port: u16) -> Result<Self> {
        let lists = Lists {
            sessions: Sessions::new()?,
            tries: Tries::default(),
            messages: RateLimiter::new(SAY_EVERY),
        };
        Ok(Self {
            keys,
            is_open_here,
            program,
            cookie: format!("chunkcast-{port}"),
            lists: Mutex::new(lists),
        })
    }

    /// The keys that let in.
    pub(super) fn keys(&self) -> &PageKeys {
        &self.keys
    }

    /// Whether anybody is asked.
    pub(super) fn is_asked(&self) -> bool {
        self.keys.count() > 0
    }

    /// Lets a request pass.
    ///
    /// # Errors
    /// What to answer in its place.
    pub(super) fn check(
        &self,
        request: &Request,
        client: &WebClient<'_>,
        now: Instant,
    ) -> Result<(), Response> {
        if !self.is_asked() || is_open_to_all(request) {
            return Ok(());
        }
        let is_login = request.path == LOGIN;
        if is_login && request.method == Method::Post {
            return Err(self.log_in(request, client, now));
        }
        if !self.is_in(request, client) {
            let password = request.authorization.as_deref().and_then(credentials::basic);
            let tried =
                password.map_or(Err(Denial::NoPassword), |password| self.attempt(&password, client, now));
            tried.map_err(|denial| self.deny(&denial, request, client))?;
        }
        if is_login { Err(to_the_page()) } else { Ok(()) }
    }

    fn is_in(&self, request: &Request, client: &WebClient<'_>) -> bool {
        let is_at_home = self.is_open_here && !request.is_forwarded && is_here(client.address, client.local);
        is_at_home || request.cookies(&self.cookie).any(|token| self.lists().sessions.is_one(token))
    }

    /// Answers the form.
    fn log_in(&self, request: &Request, client: &WebClient<'_>, now: Instant) -> Response {
        // Another page could use up the tries of whoever looks at it.
        if !guard::may_act(request) {
            return Response::sentence(403, "another page's request to log in is refused");
        }
        let password = credentials::form_field(&request.body, login::FIELD);
        let password = password.unwrap_or_else(|| Zeroizing::new(String::new()));
        if let Err(denial) = self.attempt(&password, client, now) {
            return match login::slip(&password) {
                Some(slip) if matches!(denial, Denial::WrongPassword) => {
                    self.form(401, &slip, request, client)
                }
                _ => self.deny(&denial, request, client),
            };
        }
        match self.lists().sessions.begin() {
            Ok(token) => to_the_page().with(&self.set_cookie(&token, request.is_https)),
            Err(error) => Response::sentence(503, &error.to_string()),
        }
    }

    /// Compares a password. No two are compared at once, so that nobody has more tries than are counted.
    fn attempt(&self, password: &str, client: &WebClient<'_>, now: Instant) -> Result<(), Denial> {
        let (whose, mut lists) = (client.caller.whose(), self.lists());
        if let Some(wait) = lists.tries.wait(whose, now) {
            return Err(Denial::TooMany(wait));
        }
        if password.len() <= LONGEST && self.keys.is_one_made_of(password) {
            lists.tries.right(whose);
            return Ok(());
        }
        lists.tries.wrong(whose, now);
        if lists.messages.is_due(now) {
            tracing::warn!("somebody at {} has tried a wrong key for the pages", client.address);
        }
        Err(Denial::WrongPassword)
    }

    fn deny(&self, denial: &Denial, request: &Request, client: &WebClient<'_>) -> Response {
        let (status, why) = match denial {
            Denial::NoPassword => (401, String::new()),
            Denial::WrongPassword => (401, "that is not the key".to_owned()),
            Denial::TooMany(wait) => (429, too_many(*wait)),
        };
        let response = if request.accepts_html {
            self.form(status, &why, request, client)
        } else {
            let why = if why.is_empty() { NO_PASSWORD } else { &why };
            let response = Response::sentence(status, why);
            // Shown this, a browser would put a question of its own over the page.
            let is_browser = request.fetch_site.is_some() || request.cookies(&self.cookie).next().is_some();
            if status == 401 && !is_browser { response.with(CHALLENGE) } else { response }
        };
        match denial {
            Denial::TooMany(wait) => response.with(&format!("Retry-After: {}", seconds(*wait))),
            _ => response,
        }
    }

    fn form(&self, status: u16, notice: &str, request: &Request, client: &WebClient<'_>) -> Response {
        let is_overheard = !request.is_https && !is_here(client.address, client.local);
        Response::form(status, login::page(self.program, notice, is_overheard))
    }

    /// The cookie ends with the browser, and what it stands for with the program.
    fn set_cookie(&self, token: &str, is_https: bool) -> String {
        let secure = if is_https { "; Secure" } else { "" };
        format!("Set-Cookie: {}={token}; Path=/; HttpOnly; SameSite=Strict{secure}", self.cookie)
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the form is made of; it is the same in every program.
fn is_open_to_all(request: &Request) -> bool {
    request.method != Method::Post && matches!(&*request.path, "/page.css" | "/icon.svg")
}

fn to_the_page() -> Response {
    Response::sentence(303, "the page is at /").with("Location: /")
}

fn too_many(wait: Duration) -> String {
    format!("too many wrong keys were tried; wait for {} seconds before the next", seconds(wait))
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}

/// The longest password that is compared; keys are shorter.
const LONGEST: usize = 1024;
const SAY_EVERY: Duration = Duration::from_secs(10);
const CHALLENGE: &str =
    "WWW-Authenticate: Basic realm=\"Chunkcast: any name, and the key as password\", charset=\"UTF-8\"";
const NO_PASSWORD: &str =
    "the key is asked for here, its code or phrase as password: curl --user any:KEY; in a browser open /";

#[cfg(test)]
mod tests;
