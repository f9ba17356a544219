//! Fetches the key sets that the configuration names, and the certificates in use again, in the background.
//!
//! 1. The URL is the configuration's, whole and exact: nothing of a request has a part in it, and no request waits for it.
//! 2. What came is put in force only if it is a key set of every scheme that uses it; else what came before stays.
//! 3. A failure is logged, counted and shown by `/readyz` until the next success.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::domain::https_url::HttpsUrl;
use crate::domain::secret::SecretBytes;
use crate::fetch::client::Fetcher;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::secrets::spec::SecretSource;

/// How often it is looked what is due.
const ROUND: Duration = Duration::from_millis(500);

/// Fetches for as long as it is polled. Its client is its own: whatever senders make the other one do, keys come.
pub(crate) async fn run(site: Arc<ArcSwap<Site>>, fetcher: Fetcher) {
    loop {
        let now = site.load().shared.clock.now().monotonic;
        let due = site.load().shared.key_sources.due(&wanted(&site.load()), now);
        for url in due {
            refresh(&site, &fetcher, &url).await;
        }
        let certificates = Arc::clone(&site.load().shared.certificates);
        certificates.refresh(&fetcher).await;
        tokio::time::sleep(ROUND).await;
    }
}

fn wanted(site: &Site) -> BTreeSet<HttpsUrl> {
    site.integrations.iter().flat_map(|integration| integration.keys.fetched().map(|(_, url)| url.clone())).collect()
}

async fn refresh(site: &ArcSwap<Site>, fetcher: &Fetcher, url: &HttpsUrl) {
    let asked_at = site.load().shared.clock.now().monotonic;
    let came = fetcher.get(url, asked_at).await;
    // The configuration may be another one by now.
    let site = site.load_full();
    let (shared, now) = (&site.shared, site.shared.clock.now());
    let why = match came {
        Err(error) => Some(error.to_string()),
        Ok(text) => put_in_force(&site, url, SecretBytes::new(text.to_vec())).err(),
    };
    match why {
        None => shared.key_sources.came(url, now),
        Some(why) => {
            tracing::warn!(%url, why, "keys could not be fetched");
            shared.key_sources.failed(url, why, now.monotonic);
        }
    }
}

fn put_in_force(site: &Site, url: &HttpsUrl, text: SecretBytes) -> Result<(), String> {
    let source = SecretSource::Url(url.clone());
    let users = || {
        let of = |integration: &Arc<Integration>| {
            let ids = integration.keys.fetched().filter(|(_, known)| *known == url).map(|(id, _)| id.clone());
            ids.map(|id| (Arc::clone(integration), id)).collect::<Vec<_>>()
        };
        site.integrations.iter().flat_map(of).collect::<Vec<_>>()
    };
    if let Some((integration, _)) = users().iter().find(|(integration, id)| !integration.keys.takes(id, &text)) {
        return Err(format!("what came is no key set for integration {}", integration.name));
    }
    let texts = &site.shared.texts;
    if texts.text(&source).is_some_and(|known| known.expose() == text.expose()) {
        return Ok(());
    }
    texts.publish(source, text);
    for (integration, id) in users() {
        integration.secret_renewed(&id, site.shared.clock.now().wall);
    }
    tracing::info!(%url, "keys were fetched and are in force");
    Ok(())
}
