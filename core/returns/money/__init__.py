"""What a return is worth and how it is paid: amounts, the order's balance, reimbursements."""
