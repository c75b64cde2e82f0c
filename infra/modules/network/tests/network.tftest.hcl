mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1c", "eu-central-1a", "eu-central-1b"] }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "market-lake-test"
}

run "public_mode_has_nothing_that_costs_at_rest" {
  command = apply

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_eip.nat) + length(aws_vpc_endpoint.interface) == 0
    error_message = "public mode must not make a NAT gateway, an address or an interface endpoint"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "S3 must be reached through the gateway endpoint, which is free"
  }

  assert {
    condition     = output.assign_public_ip == "ENABLED" && length(output.subnets) == 2
    error_message = "tasks must run in two public subnets"
  }
}

run "nothing_comes_in" {
  command = apply

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.endpoints) == 0
    error_message = "public mode must have no ingress rule"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "only HTTPS may go out"
  }

  assert {
    condition     = !anytrue([for s in aws_subnet.public : coalesce(s.map_public_ip_on_launch, false)])
    error_message = "only tasks that ask for a public address may get one"
  }
}

run "private_mode_hides_the_tasks" {
  command = apply

  variables {
    mode = "private"
  }

  assert {
    condition     = output.assign_public_ip == "DISABLED" && length(aws_nat_gateway.this) == 1
    error_message = "private tasks need a NAT gateway and no public address"
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs"])
    error_message = "private tasks reach ECR and logs through endpoints"
  }
}

run "another_mode_is_refused" {
  command = plan

  variables {
    mode = "open"
  }

  expect_failures = [var.mode]
}

run "a_range_too_small_for_the_tasks_is_refused" {
  command = plan

  variables {
    cidr = "10.0.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "a_foreign_name_is_refused" {
  command = plan

  variables {
    name = "lake-test"
  }

  expect_failures = [var.name]
}
