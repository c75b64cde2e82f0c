terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # where the state lies is told by `terraform init -backend-config=…`, from infra/bootstrap
  backend "s3" {
    use_lockfile = true
  }
}

provider "aws" {
  region              = module.settings.region
  allowed_account_ids = module.settings.accounts

  default_tags {
    tags = module.settings.tags
  }
}
