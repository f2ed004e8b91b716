//! The repository of a working folder, by the text of its `.git/config`; git itself is not run.

/// The host of the API's address that a remote may have, beside github.com itself.
///
/// `https://api.github.com` → `github.com`, `https://ghe.example/api/v3` → `ghe.example`,
/// `https://api.octo.ghe.com` → `octo.ghe.com`.
#[must_use]
pub fn host_of_api(api_url: &str) -> Option<String> {
    let host = split_url(api_url)?.1;
    Some(host.strip_prefix("api.").unwrap_or(&host).to_owned())
}

/// Why a working folder has no repository on GitHub. Addresses are not shown: they may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No remote at all.
    #[error("the git repository here has no remote")]
    NoRemote,
    /// Remotes on other hosts only.
    #[error("the remote `{name}` of the git repository here is on {host}, not on {}", hosts.join(" or "))]
    OtherHost {
        /// The first remote.
        name: String,
        /// Its host.
        host: String,
        /// The hosts that would do.
        hosts: Vec<String>,
    },
}

/// `owner/name` of the remote `origin`, else of `upstream`, else of the first that is on one of the hosts.
///
/// # Errors
/// [`RemoteError`] where no remote is on one of them.
pub fn repository(config: &str, hosts: &[String]) -> Result<String, RemoteError> {
    let remotes = remotes(config);
    let rank = |name: &str| ["origin", "upstream"].iter().position(|n| *n == name).unwrap_or(2);
    let mut known: Vec<(usize, String)> =
        remotes.iter().filter_map(|(name, url)| Some((rank(name), repository_of_url(url, hosts)?))).collect();
    known.sort_by_key(|(rank, _)| *rank);
    if let Some((_, repository)) = known.into_iter().next() {
        return Ok(repository);
    }
    match remotes.first() {
        None => Err(RemoteError::NoRemote),
        Some((name, url)) => {
            let host = split_url(url).map_or_else(|| "a local path".to_owned(), |(_, host, _)| host);
            Err(RemoteError::OtherHost { name: name.clone(), host, hosts: hosts.to_vec() })
        }
    }
}

/// Whether a text is `owner/name` as GitHub has them.
#[must_use]
pub fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// Name and address of each remote, in the order of the file.
fn remotes(config: &str) -> Vec<(String, String)> {
    let (mut out, mut current) = (Vec::new(), None::<String>);
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.split(']').next().unwrap_or("");
            let name = section.trim().strip_prefix("remote").map(|rest| rest.trim().trim_matches('"').to_owned());
            current = name.filter(|name| !name.is_empty());
        } else if let (Some(name), Some((key, value))) = (&current, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
            && !out.iter().any(|(there, _)| there == name)
        {
            out.push((name.clone(), value.trim().trim_matches('"').to_owned()));
        }
    }
    out
}

/// Scheme, host (lower case, without user and port) and path.
fn split_url(url: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => {
            // git@host:owner/name, which is no path on this machine.
            let (host, path) = url.split_once(':')?;
            if host.contains('/') || host.len() < 2 {
                return None;
            }
            let host = host.rsplit('@').next()?;
            return Some(("ssh".to_owned(), host.to_ascii_lowercase(), path.to_owned()));
        }
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next()?;
    let host = if host.starts_with('[') { host.split(']').next()?.trim_start_matches('[') } else { host.split(':').next()? };
    (!host.is_empty()).then(|| (scheme, host.to_ascii_lowercase(), path.to_owned()))
}

fn repository_of_url(url: &str, hosts: &[String]) -> Option<String> {
    let (scheme, host, path) = split_url(url)?;
    if !matches!(scheme.as_str(), "https" | "http" | "ssh" | "git" | "git+ssh") {
        return None;
    }
    // Other names of the same host at GitHub.
    let plain = host.strip_prefix("www.").or_else(|| host.strip_prefix("ssh.")).unwrap_or(&host);
    if !hosts.iter().any(|known| *known == host || known == plain) {
        return None;
    }
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    is_repository(path).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<String> {
        ["github.com", "ghe.example"].map(str::to_owned).to_vec()
    }

    #[test]
    fn remotes_are_read_as_git_writes_them() {
        for (url, expected) in [
            ("https://github.com/octo/app.git", Some("octo/app")),
            ("https://github.com/octo/app", Some("octo/app")),
            ("https://github.com/octo/app/", Some("octo/app")),
            ("https://user:secret@GitHub.com/octo/app.git", Some("octo/app")),
            ("https://www.github.com/octo/app", Some("octo/app")),
            ("git@github.com:octo/app.git", Some("octo/app")),
            ("github.com:octo/app.js", Some("octo/app.js")),
            ("ssh://git@ssh.github.com:443/octo/app.git", Some("octo/app")),
            ("git://github.com/octo/app.git", Some("octo/app")),
            ("git@ghe.example:team/tool.git", Some("team/tool")),
            ("https://ghe.example:8443/team/tool", Some("team/tool")),
            ("https://gitlab.com/octo/app.git", None),
            ("https://github.com.evil.example/octo/app", None),
            ("https://evil.example/github.com/octo/app", None),
            ("/srv/git/github.com/octo/app.git", None),
            ("../app", None),
            ("file:///srv/app.git", None),
            ("https://github.com/octo", None),
            ("https://github.com/octo/../app", None),
            ("https://github.com/octo/a%20b", None),
            ("C:\\repos\\app", None),
            ("", None),
        ] {
            assert_eq!(repository_of_url(url, &hosts()).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn origin_is_preferred_and_an_error_names_a_foreign_host_without_secrets() {
        let config = |remotes: &[(&str, &str)]| {
            let mut text = "[core]\n\tbare = false\n\turl = https://github.com/no/remote\n".to_owned();
            for (name, url) in remotes {
                text += &format!("[remote \"{name}\"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/{name}/*\n");
            }
            text + "[branch \"main\"]\n\tremote = origin\n"
        };
        let fork = ("fork", "git@github.com:me/app.git");
        let (upstream, origin) = (("upstream", "https://github.com/octo/app"), ("origin", "https://github.com/we/app.git"));
        assert_eq!(repository(&config(&[fork, upstream, origin]), &hosts()).unwrap(), "we/app");
        assert_eq!(repository(&config(&[fork, upstream]), &hosts()).unwrap(), "octo/app");
        assert_eq!(repository(&config(&[fork]), &hosts()).unwrap(), "me/app");
        let why = repository(&config(&[("origin", "https://me:secret@gitlab.com/a/b")]), &hosts()).unwrap_err().to_string();
        assert!(why.contains("gitlab.com") && !why.contains("secret"), "{why}");
        assert_eq!(repository(&config(&[]), &hosts()), Err(RemoteError::NoRemote));
        assert!(repository("[remote", &hosts()).is_err());
    }

    #[test]
    fn the_host_of_the_api_is_that_of_its_remotes() {
        for (api, host) in [
            ("https://api.github.com", Some("github.com")),
            ("https://ghe.example/api/v3", Some("ghe.example")),
            ("https://api.octo.ghe.com/", Some("octo.ghe.com")),
            ("http://127.0.0.1:9911", Some("127.0.0.1")),
            ("nonsense", None),
        ] {
            assert_eq!(host_of_api(api).as_deref(), host, "{api}");
        }
    }
}
