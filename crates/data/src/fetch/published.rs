//! What is published where.

use super::FetchError;
use std::fmt;
use std::str::FromStr;

/// A dataset that can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishedDataset {
    /// MNIST: 70 000 handwritten digits of 28×28, 11.6 MB.
    Mnist,
    /// CIFAR-10: 60 000 colour pictures of 32×32, 170 MB.
    Cifar10,
    /// SVHN, cropped: 99 289 house-number digits of 32×32, 246 MB.
    Svhn,
}

/// Name, bytes and SHA-256 of one file.
type File = (&'static str, u64, &'static str);

pub(super) const CIFAR10_ARCHIVE: &str = "cifar-10-binary.tar.gz";

const MNIST: &[File] = &[
    (
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    (
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
];
const CIFAR10: &[File] = &[(
    CIFAR10_ARCHIVE,
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)];
const SVHN: &[File] = &[
    (
        "train_32x32.mat",
        182_040_794,
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    ),
    (
        "test_32x32.mat",
        64_275_384,
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    ),
];

impl PublishedDataset {
    /// The URL of the folder the files are published in.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Mnist => "https://ossci-datasets.s3.amazonaws.com/mnist",
            Self::Cifar10 => "https://www.cs.toronto.edu/~kriz",
            Self::Svhn => "http://ufldl.stanford.edu/housenumbers",
        }
    }

    pub(super) fn files(self) -> &'static [File] {
        match self {
            Self::Mnist => MNIST,
            Self::Cifar10 => CIFAR10,
            Self::Svhn => SVHN,
        }
    }
}

impl FromStr for PublishedDataset {
    type Err = FetchError;

    fn from_str(text: &str) -> Result<Self, FetchError> {
        match text {
            "mnist" => Ok(Self::Mnist),
            "cifar10" => Ok(Self::Cifar10),
            "svhn" => Ok(Self::Svhn),
            _ => Err(FetchError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for PublishedDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mnist => "mnist",
            Self::Cifar10 => "cifar10",
            Self::Svhn => "svhn",
        })
    }
}
