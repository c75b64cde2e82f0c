# The lake in a VPC that is there already: subnets with a way to the source, to S3, to ECR and to CloudWatch
# Logs. The module makes no network; this example makes the one thing that tasks need besides, a security
# group with no way in and HTTPS out.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnets" {
  description = "Its subnets, in two zones or more: private ones behind a NAT gateway, for example."
  type        = list(string)
}

module "settings" {
  source = "../../modules/settings"

  # yours: a copy of infra/envs/dev/lake.yaml
  config_file = "${path.root}/../../envs/dev/lake.yaml"

  # tags of one's own go to everything
  tags = { CostCenter = "market-data" }
}

provider "aws" {
  region              = module.settings.region
  allowed_account_ids = module.settings.accounts

  default_tags {
    tags = module.settings.tags
  }
}

resource "aws_security_group" "tasks" {
  # checkov:skip=CKV2_AWS_5: Step Functions attaches it to each task
  name        = "market-lake-tasks"
  description = "Tasks of market-lake: nothing in, HTTPS out"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.tasks.id
  description       = "S3, AWS services and the source"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

module "environment" {
  source = "../../modules/environment"

  config   = module.settings.config
  contract = module.settings.contract

  network = {
    subnets        = var.subnets
    security_group = aws_security_group.tasks.id
  }
}

output "environment" {
  description = "Everything that the module environment puts out."
  value       = module.environment
}
