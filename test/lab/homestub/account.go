package homestub

// Account is somebody who can log in with user name and password.
type Account struct {
	Username, Password string
	User               User
	// Factors are the second factors that are set up for the account, each of which would do.
	Factors []Factor
	// Blocked says why Home Assistant does not let this user in, such as "User is not active"; empty: it does.
	Blocked string
}

// Factor is a second factor (a "multi-factor authentication module").
type Factor struct {
	// ID and Name are such as "totp" and "Authenticator app".
	ID, Name string
	// Code is the code that is right. It does not change with time.
	Code string
}

// mostCodes is how many wrong codes end a login: MAX_RETRY_TIME of Home Assistant's module totp.
const mostCodes = 5

// account finds an account; Home Assistant compares user names without regard to case and blanks around them.
func (o Options) account(username string) (Account, bool) {
	for _, a := range o.Accounts {
		if normal(a.Username) == normal(username) {
			return a, true
		}
	}
	return Account{}, false
}
