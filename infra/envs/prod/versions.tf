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
  region = local.lake.aws.region

  # an account named in lake.yaml is the only one that can be deployed to
  allowed_account_ids = try(tostring(local.lake.aws.account), null) == null ? null : [tostring(local.lake.aws.account)]

  default_tags {
    tags = {
      Project     = "market-lake"
      Environment = local.lake.environment
      ManagedBy   = "terraform"
      Owner       = coalesce(var.owner, try(local.lake.aws.owner, null), "market-lake")
      Stage       = "shared"
    }
  }
}
