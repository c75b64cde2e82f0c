terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Made before there is a place for states: its own stays where it is applied from, until
  # `terraform init -migrate-state -backend-config=…` moves it into the bucket (README.md).
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
