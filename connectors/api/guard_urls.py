"""The addresses of the guard rails below `/api/v1/`."""

from django.urls import path

from connectors.api.endpoints import guards, schedules, watching

urlpatterns = [
    path("connectors/<int:pk>/protection/", guards.ConnectorProtection.as_view(), name="api-connector-protection"),
    path("freezes/", guards.Freezes.as_view(), name="api-freezes"),
    path("freezes/<int:pk>/", guards.Freeze.as_view(), name="api-freeze"),
    path("freezes/<int:pk>/end/", guards.FreezeEnd.as_view(), name="api-freeze-end"),
    path("freezes/<int:pk>/break-glass/", guards.Glass.as_view(), name="api-freeze-glass"),
    path("protections/", guards.Protections.as_view(), name="api-protections"),
    path("loosenings/", guards.Loosenings.as_view(), name="api-loosenings"),
    path("loosenings/<int:pk>/", guards.Loosening.as_view(), name="api-loosening"),
    path("loosenings/<int:pk>/decision/", guards.LooseningDecision.as_view(), name="api-loosening-decision"),
    path("approvals/", guards.Approvals.as_view(), name="api-approvals"),
    path("approvals/<uuid:pk>/", guards.Approval.as_view(), name="api-approval"),
    path("approvals/<uuid:pk>/approve/", guards.Approve.as_view(), name="api-approval-approve"),
    path("approvals/<uuid:pk>/decline/", guards.Decline.as_view(), name="api-approval-decline"),
    path("schedules/", schedules.Schedules.as_view(), name="api-schedules"),
    path("schedules/<int:pk>/", schedules.Schedule.as_view(), name="api-schedule"),
    path("schedules/<int:pk>/runs/", schedules.ScheduleRuns.as_view(), name="api-schedule-runs"),
    path("schedules/<int:pk>/pause/", schedules.SchedulePause.as_view(), name="api-schedule-pause"),
    path("schedules/<int:pk>/resume/", schedules.ScheduleResume.as_view(), name="api-schedule-resume"),
    path("heal-policies/", watching.HealPolicies.as_view(), name="api-heal-policies"),
    path("heal-policies/<int:pk>/", watching.HealPolicy.as_view(), name="api-heal-policy"),
    path("heal-states/", watching.HealStates.as_view(), name="api-heal-states"),
    path("connectors/<int:pk>/heal-again/", watching.HealClose.as_view(), name="api-connector-heal-again"),
    path("alerts/", watching.Alerts.as_view(), name="api-alerts"),
    path("alert-rules/", watching.AlertRules.as_view(), name="api-alert-rules"),
    path("alert-rules/<int:pk>/", watching.AlertRule.as_view(), name="api-alert-rule"),
    path("alert-rules/<int:pk>/test/", watching.AlertTest.as_view(), name="api-alert-rule-test"),
    path("alert-rules/<int:pk>/messages/", watching.AlertMessages.as_view(), name="api-alert-rule-messages"),
]
