# Not to be copied, and not applied: an environment for cross_account_reader.tf to be tried with. In yours
# module.environment is there already.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "environment" {
  source = "../../modules/environment"

  config   = "environment: example\naws: {region: eu-central-1}\n"
  contract = jsondecode(file("${path.root}/../../contract.json"))
}
