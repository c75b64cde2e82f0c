# Subnets with a way to the source, to S3, to ECR and to CloudWatch Logs, and a security group with no way in and
# HTTPS out. Which ones, a file network.auto.tfvars beside this one says:
#
#   vpc_id  = "vpc-0123456789abcdef0"
#   subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
#
# GitHub's deploy role makes no group in a VPC that is not the environment's own. Where GitHub deploys, a group
# that is there already takes the place of the one below: `security_group = "sg-…"` in main.tf.

variable "vpc_id" {
  description = "The VPC."
  type        = string

  validation {
    condition     = can(regex("^vpc-", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC: vpc-…."
  }
}

variable "subnets" {
  description = "Its subnets, in two zones or more: private ones behind a NAT gateway, for example."
  type        = list(string)

  validation {
    condition     = length(var.subnets) > 0 && alltrue([for subnet in var.subnets : can(regex("^subnet-", subnet))])
    error_message = "subnets must be ids of subnets, one at least: subnet-…."
  }
}

resource "aws_security_group" "tasks" {
  # checkov:skip=CKV2_AWS_5: Step Functions attaches it to each task
  name        = "market-lake-${module.settings.tags["Environment"]}-tasks"
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
