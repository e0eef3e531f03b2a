"""Who may be whom: certificate authority, invitations, certificates, revocation."""
