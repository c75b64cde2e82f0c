# Where the tasks run. Nothing comes in. Public mode costs nothing at rest: the tasks have a public
# address for the minutes they live and reach the source straight; S3 is reached through the gateway
# endpoint in both modes. Private mode pays for a NAT gateway and interface endpoints.

locals {
  zones   = { for n, zone in slice(sort(data.aws_availability_zones.this.names), 0, 2) : zone => n }
  private = var.mode == "private"

  # what a task in a private subnet needs besides S3; a NAT gateway would carry it for more
  interfaces = local.private ? toset(["ecr.api", "ecr.dkr", "logs"]) : toset([])
}

data "aws_availability_zones" "this" {
  # checkov:skip=CKV_AWS_394: the two first by name are taken, so a new zone, whose letter is a later one, changes nothing
  state = "available"
}

data "aws_region" "this" {}

resource "aws_vpc" "this" {
  # checkov:skip=CKV2_AWS_12: nobody is in the default group; see below
  # checkov:skip=CKV2_AWS_11: flow logs are paid by the GB, and every task writes what it fetched from where
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# The default group of the VPC has no members and is left as AWS made it: it comes without tags, and whoever
# may change or tag what has none could do so to every such group of the region.
removed {
  from = aws_default_security_group.this

  lifecycle {
    destroy = false
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)

  tags = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "tasks" {
  # checkov:skip=CKV2_AWS_5: Step Functions attaches it to each task
  name        = "${var.name}-tasks"
  description = "Tasks of market-lake: nothing in, HTTPS out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-tasks" }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.tasks.id
  description       = "S3, AWS services and the source"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.this.id}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids = concat(
    [aws_route_table.public.id],
    [for table in aws_route_table.private : table.id],
  )

  tags = { Name = "${var.name}-s3" }
}
