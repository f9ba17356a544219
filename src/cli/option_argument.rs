//! `--option KEY=VALUE`: what a scheme needs besides its secret.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use crate::cli::output;

/// One pair.
pub(crate) fn read(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("must be KEY=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// All of them by name. One that is given twice would hide the other.
pub(crate) fn each_once(given: &[(String, String)]) -> Result<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for (name, value) in given {
        if options.insert(name.clone(), value.clone()).is_some() {
            bail!("--option {}=… is given twice", output::printable(name));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_pairs_and_stand_once() {
        assert_eq!(read("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(read("a").is_err());
        let pair = |name: &str| (name.to_owned(), "1".to_owned());
        assert_eq!(each_once(&[pair("a"), pair("b")]).unwrap().len(), 2);
        assert!(each_once(&[pair("a"), pair("a")]).unwrap_err().to_string().contains("given twice"));
    }
}
