"""The pages of the guard rails."""

from django.urls import path

from connectors.views import approvals, freezes, schedules, watching

urlpatterns = [
    path("freezes/", freezes.freeze_list, name="freezes"),
    path("freezes/new/", freezes.new, name="freeze-new"),
    path("freezes/<int:pk>/", freezes.freeze, name="freeze"),
    path("freezes/<int:pk>/change/", freezes.change, name="freeze-change"),
    path("freezes/<int:pk>/glass/", freezes.break_glass, name="freeze-glass"),
    path("freezes/glass/<int:pk>/end/", freezes.mend_glass, name="freeze-glass-end"),
    path("approvals/", approvals.approval_list, name="approvals"),
    path("approvals/<uuid:pk>/", approvals.approval, name="approval"),
    path("approvals/<uuid:pk>/decision/", approvals.decide, name="approval-decision"),
    path("protections/", approvals.protection_list, name="protections"),
    path("protections/loosenings/<int:pk>/decision/", approvals.decide_loosening, name="loosening-decision"),
    path("connectors/<int:pk>/protection/", approvals.protection, name="connector-protection"),
    path("schedules/", schedules.schedule_list, name="schedules"),
    path("schedules/new/", schedules.new, name="schedule-new"),
    path("schedules/<int:pk>/", schedules.schedule, name="schedule"),
    path("schedules/<int:pk>/edit/", schedules.edit, name="schedule-edit"),
    path("schedules/<int:pk>/change/", schedules.change, name="schedule-change"),
    path("healing/", watching.heal_list, name="heal-policies"),
    path("healing/new/", watching.heal_new, name="heal-policy-new"),
    path("healing/<int:pk>/", watching.heal_policy, name="heal-policy"),
    path("connectors/<int:pk>/heal-again/", watching.heal_close, name="heal-close"),
    path("alerts/", watching.alert_list, name="alerts"),
    path("alerts/new/", watching.alert_new, name="alert-rule-new"),
    path("alerts/<int:pk>/", watching.alert_rule, name="alert-rule"),
]
