terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # beside the emulator's own state; both go with it
  backend "local" {
    path = "../../../target/emulated/terraform.tfstate"
  }
}

provider "aws" {
  region              = module.settings.region
  allowed_account_ids = module.settings.accounts

  default_tags {
    tags = module.settings.tags
  }
}
