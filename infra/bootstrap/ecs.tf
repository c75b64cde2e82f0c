# The role by which ECS itself works in the account. ECS makes it beside the first cluster, and whatever is
# done to that cluster in the next seconds may come too early; so it is there before any cluster is.
#
# Whether the account has one already is asked for, and one that is there is taken on: to make it again
# would fail, and to make it only where none is found would take it away again at the next apply, which
# finds the one that was just made. What it is like is ECS's concern and is left as it is.

data "aws_iam_roles" "ecs" {
  path_prefix = "/aws-service-role/ecs.amazonaws.com/"
}

import {
  for_each = data.aws_iam_roles.ecs.arns
  to       = aws_iam_service_linked_role.ecs
  id       = each.value
}

resource "aws_iam_service_linked_role" "ecs" {
  aws_service_name = "ecs.amazonaws.com"

  lifecycle {
    ignore_changes = all
  }
}
