terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The state lies in the bucket that is made here, beside those of the environments: `cargo xtask bootstrap`
  # keeps it in a file until there is a bucket, and puts it there in the same call.
  backend "s3" {
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "market-lake"
      Environment = "shared"
      ManagedBy   = "terraform"
      Owner       = var.owner
      Stage       = "bootstrap"
    }
  }
}
