//! Where Parquet files and manifests are kept: a directory, an S3-compatible service, or memory.
//!
//! The rest of the engine sees [`ObjectStore`] only, and relies on three things that all kinds promise
//! and one suite of tests checks:
//!
//! - when a put, copy or delete returns, its effect survives a power failure (`object_store`'s own
//!   local store does not sync; [`local`] does);
//! - of any number of puts of one name with [`object_store::PutMode::Create`], exactly one succeeds and
//!   the others fail with `AlreadyExists`;
//! - a reader sees a whole object or none.

pub(crate) mod cached;
#[cfg(test)]
pub(crate) mod faults;
mod local;
mod reading;
mod staging;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use serde::{Deserialize, Serialize, Serializer};

use crate::io::LocalFileSystem;
pub(crate) use local::DurableLocal;

/// The directory for objects inside the data directory when none is set.
const DIRECTORY_DEFAULT: &str = "objects";

/// Settings of the object store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which kind of store; default `local`.
    pub kind: Kind,

    /// For `local`: the directory; default `objects` in the data directory. A relative path starts at
    /// the data directory. On a volume of its own it can fill up without stopping writes at once.
    pub directory: Option<PathBuf>,

    /// For `s3`: where and how.
    pub s3: S3Settings,

    /// Memory for what queries have read of data files lately; default 256 MiB for `s3`, 0 for the
    /// others: the operating system caches local files.
    pub cache_bytes: Option<ByteSize>,
}

/// What is kept of data files in a store at the other end of a network.
const CACHE_BYTES_DEFAULT: ByteSize = ByteSize::mib(256);

impl Settings {
    /// The setting `cache_bytes`, or its default.
    pub fn cache_bytes(&self) -> ByteSize {
        self.cache_bytes.unwrap_or(match self.kind {
            Kind::S3 => CACHE_BYTES_DEFAULT,
            Kind::Local | Kind::Memory => ByteSize(0),
        })
    }
}

/// The kinds of object store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A directory of this machine.
    #[default]
    Local,
    /// Amazon S3, or a service that speaks its protocol and honours conditional puts.
    S3,
    /// This process. Everything is lost when it ends: for tests only.
    Memory,
}

/// Settings of an S3-compatible store. What is not set here is taken from the usual `AWS_…`
/// environment variables, then from the machine's role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Settings {
    /// The bucket; required.
    pub bucket: String,

    /// Put before every name, so that several servers can share a bucket; default none.
    pub prefix: String,

    /// The service's URL; default Amazon's for the region.
    pub endpoint: Option<String>,

    /// The region; default `us-east-1`, which most other services accept.
    pub region: Option<String>,

    /// Whether the endpoint may be plain `http://`; default false. Credentials are never sent in
    /// clear, data is: for a service on the same machine or a trusted network.
    pub allow_http: bool,

    /// Whether the bucket is part of the host name instead of the path; default false.
    pub virtual_hosted_style: bool,

    /// The access key; default from the environment.
    pub access_key_id: Option<String>,

    /// The secret that belongs to it. Never printed.
    pub secret_access_key: Option<Secret>,

    /// The token that belongs to temporary credentials. Never printed.
    pub session_token: Option<Secret>,
}

/// A text that must not turn up in logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str("(secret)")
    }
}

/// Why an object store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is missing or wrong.
    #[error("object store setting `{name}`: {reason}")]
    InvalidSetting {
        /// The setting's name.
        name: &'static str,
        /// What is wrong and what to do.
        reason: &'static str,
    },

    /// The directory cannot be used.
    #[error("cannot use {} as an object store", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The client cannot be set up.
    #[error("cannot set up the object store")]
    Client {
        /// What the client says.
        source: object_store::Error,
    },
}

/// Asks a store for something that it need not have, to learn whether it answers at all. One that says
/// that this may not be asked does answer.
pub async fn probe(store: &dyn ObjectStore) -> Result<(), object_store::Error> {
    let nothing = object_store::path::Path::from("manifest/probe");
    match store.head(&nothing).await {
        Err(error @ object_store::Error::Generic { .. }) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// How often a request is made before it counts as failed.
///
/// Three of ten requests may fail, and nearly every query is answered; a service that is gone is noticed
/// within seconds, so that rows are spilled and requests that need it are refused in time. Whoever has
/// to get through to the store tries again himself: a flush for ever, a commit a few times.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 5,
        retry_timeout: Duration::from_secs(20),
    }
}

/// Opens the object store. Nothing is sent over the network yet; a local directory is created.
pub fn open(settings: &Settings, data_dir: &Path) -> Result<Arc<dyn ObjectStore>, Error> {
    match settings.kind {
        Kind::Local => {
            let path = settings.local_directory(data_dir);
            Ok(Arc::new(DurableLocal::open(
                Arc::new(LocalFileSystem),
                &path,
            )?))
        }
        Kind::S3 => open_s3(&settings.s3),
        Kind::Memory => Ok(Arc::new(InMemory::new())),
    }
}

/// Opens the object store to look at it. Nothing is created; a local directory must be there.
pub fn open_to_read(settings: &Settings, data_dir: &Path) -> Result<Arc<dyn ObjectStore>, Error> {
    match settings.kind {
        Kind::Local => {
            let path = settings.local_directory(data_dir);
            let files = Arc::new(LocalFileSystem);
            Ok(Arc::new(DurableLocal::open_to_read(files, &path)?))
        }
        Kind::S3 | Kind::Memory => open(settings, data_dir),
    }
}

impl Settings {
    /// For `local`: where the objects are.
    fn local_directory(&self, data_dir: &Path) -> PathBuf {
        let directory = self.directory.as_deref();
        data_dir.join(directory.unwrap_or(Path::new(DIRECTORY_DEFAULT)))
    }
}

fn open_s3(settings: &S3Settings) -> Result<Arc<dyn ObjectStore>, Error> {
    let client = |source| Error::Client { source };
    settings.validate()?;
    let prefix = object_store::path::Path::parse(&settings.prefix)
        .map_err(|source| client(source.into()))?;
    let store = settings.builder().build().map_err(client)?;
    if prefix.as_ref().is_empty() {
        return Ok(Arc::new(store));
    }
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

impl S3Settings {
    fn validate(&self) -> Result<(), Error> {
        let endpoint = self.endpoint.as_deref().unwrap_or("https://");
        let check = |holds: bool, name, reason| match holds {
            true => Ok(()),
            false => Err(Error::InvalidSetting { name, reason }),
        };
        check(!self.bucket.is_empty(), "s3.bucket", "is required")?;
        check(
            endpoint.starts_with("https://") || endpoint.starts_with("http://"),
            "s3.endpoint",
            "must start with `https://` or `http://`",
        )?;
        check(
            self.allow_http || !endpoint.starts_with("http://"),
            "s3.endpoint",
            "is not encrypted; set `s3.allow_http` if that is meant",
        )?;
        check(
            self.access_key_id.is_some() == self.secret_access_key.is_some(),
            "s3.secret_access_key",
            "must be set together with `s3.access_key_id`",
        )
    }

    fn builder(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            // What commits rest on: `If-None-Match: *` on put.
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retries())
            .with_virtual_hosted_style_request(self.virtual_hosted_style);
        if self.allow_http {
            builder = builder.with_allow_http(true);
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let (Some(id), Some(secret)) = (&self.access_key_id, &self.secret_access_key) {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(&secret.0);
        }
        match &self.session_token {
            Some(token) => builder.with_token(&token.0),
            None => builder,
        }
    }
}
