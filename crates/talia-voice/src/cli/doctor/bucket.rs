//! The bucket of recordings: an object is written, read and removed there, as the server will.

use super::finding::{BUCKET, Finding, Text, text};
use super::{PATIENCE, Patient};
use crate::recordings::{Bucket, BucketTrouble};
use crate::telemetry::labels::{BucketFault, BucketOperation};
use tokio::time::timeout;

/// Nothing without a bucket.
pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let Some(config) = &patient.config.recordings.bucket else {
        return Vec::new();
    };
    let bucket = match Bucket::open(config) {
        Ok(bucket) => bucket,
        Err(error) => {
            return vec![BUCKET.failure(
                text(error.to_string(), error.to_string()),
                text("corrija [recordings.bucket]", "correct [recordings.bucket]"),
            )];
        }
    };
    // Two doctors at a time don't find each other's.
    let name = format!(
        ".{}-{}.probe",
        std::process::id(),
        patient.clock.wall().as_millisecond()
    );
    let tried = timeout(PATIENCE, bucket.try_out(&name)).await;
    let tried = tried.unwrap_or_else(|_| Err((BucketOperation::Upload, BucketFault::TimedOut.into())));
    vec![match tried {
        Ok(()) => BUCKET.ok(text(
            format!("se puede escribir, leer y borrar en {config}"),
            format!("{config} can be written, read and cleared"),
        )),
        // Calls go on: recordings wait in the folder.
        Err((operation, trouble)) => {
            let (doing, in_english) = match operation {
                BucketOperation::Upload => ("al escribir", "writing"),
                BucketOperation::Read => ("al leer", "reading"),
                BucketOperation::Remove => ("al borrar", "removing"),
            };
            BUCKET.failure(
                text(
                    format!("{config}, {doing}: {trouble}"),
                    format!("{config}, {in_english}: {}", trouble.in_english()),
                ),
                way_out(&trouble),
            )
        }
    }]
}

fn way_out(trouble: &BucketTrouble) -> Text {
    match trouble.fault {
        BucketFault::Unauthorised => text(
            "corrija la clave en el entorno (AWS_…, GOOGLE_…, AZURE_…) y la región, y vea que el reloj esté en hora",
            "correct the key in the environment (AWS_…, GOOGLE_…, AZURE_…) and the region, and see that the clock is right",
        ),
        BucketFault::Forbidden => text(
            "dé a esa clave permiso de escribir, leer y borrar objetos bajo el prefijo",
            "let that key write, read and delete objects under the prefix",
        ),
        BucketFault::Missing => text(
            "cree el bucket o corrija TALIA_RECORDINGS_BUCKET",
            "make the bucket or correct TALIA_RECORDINGS_BUCKET",
        ),
        BucketFault::Refused => text(
            "vea que AWS_REGION sea la del bucket",
            "see that AWS_REGION is the bucket's",
        ),
        _ => text(
            "revise la red, recordings.bucket.endpoint y recordings.bucket.authority",
            "look at the network, recordings.bucket.endpoint and recordings.bucket.authority",
        ),
    }
}
