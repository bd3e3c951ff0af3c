"""Pages of people and organisations."""

from django.urls import path

from tenants import passwords, views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-up/", views.sign_up, name="sign_up"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("language/", views.set_language, name="set_language"),
    path("account/", views.account, name="account"),
    path("account/password/", passwords.change, name="password_change"),
    path("password/", passwords.forgotten, name="password_forgotten"),
    path("password/mailed/", passwords.mailed, name="password_mailed"),
    path("password/<str:uidb64>/<str:token>/", passwords.new, name="password_new"),
    path("organisations/new/", views.organisation_new, name="organisation_new"),
    path("switch/", views.switch_organisation, name="switch_organisation"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
    path("settings/", views.organisation_settings, name="organisation_settings"),
    path("settings/members/", views.members, name="members"),
    path("settings/members/invite/", views.invite, name="invite"),
    path("settings/members/<uuid:uid>/", views.member_change, name="member_change"),
    path(
        "settings/invitations/<uuid:uid>/withdraw/",
        views.invitation_withdraw,
        name="invitation_withdraw",
    ),
    path("settings/keys/", views.keys, name="keys"),
    path("settings/keys/<uuid:uid>/revoke/", views.key_revoke, name="key_revoke"),
    path("settings/audit/", views.audit, name="audit"),
]
