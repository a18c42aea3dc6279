// Signing in by passkey: the package's own script does the work, this tells it where the fields are.

const button = document.getElementById("passkey_login");
if (!window.PublicKeyCredential) button.hidden = true;
else window.allauth.webauthn.forms.loginForm({ ids: { login: "passkey_login", credential: "mfa_credential" } });
